/** The field that carries the signature of a purge: `t=<seconds>, n=<nonce>, v1=<hex>`. */
export const SIGNATURE_FIELD = 'holdfast-signature'

/** What is signed of a purge. The URL is part of it, so that it cannot be sent to another worker that has the same secret. */
export interface SignedPurge {
  /** Of the endpoint: scheme, host, path. */
  readonly url: string
  /** The body as it is sent. */
  readonly body: string
}

/** A signature as it stands in the field. */
export interface PurgeSignature {
  /** When it was made, in seconds since the epoch. */
  readonly atSec: number
  /** Never used twice. 22 characters of base64url. */
  readonly nonce: string
  /** HMAC-SHA-256 in hex. */
  readonly mac: string
}

const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' }
const FIELD = /^t=(\d{1,12}), n=([\w-]{22}), v1=([\da-f]{64})$/

/** The value of the signature field for this purge. */
export async function signPurge(purge: SignedPurge, secret: string, nowMs: number): Promise<string> {
  const atSec = Math.floor(nowMs / 1000)
  const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(16)))
  const mac = await crypto.subtle.sign(ALGORITHM, await keyOf(secret, 'sign'), bytesToSign(purge, atSec, nonce))
  return `t=${atSec}, n=${nonce}, v1=${toHex(new Uint8Array(mac))}`
}

/** Reads the field; `undefined` when it is not one. */
export function parseSignature(value: string | null): PurgeSignature | undefined {
  const match = value === null ? null : FIELD.exec(value)
  return match === null ? undefined : { atSec: Number(match[1]), nonce: match[2]!, mac: match[3]! }
}

/** True when one of the secrets made the signature. Takes the same time wherever it differs: WebCrypto compares. */
export async function isSignedBy(purge: SignedPurge, { atSec, nonce, mac }: PurgeSignature, secrets: readonly string[]): Promise<boolean> {
  const bytes = bytesToSign(purge, atSec, nonce)
  const given = Uint8Array.from(mac.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
  let isSigned = false
  for (const secret of secrets) if (await crypto.subtle.verify(ALGORITHM, await keyOf(secret, 'verify'), given, bytes)) isSigned = true
  return isSigned
}

/** No part but the last can hold a line break, so no two purges are the same text. */
function bytesToSign({ url, body }: SignedPurge, atSec: number, nonce: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`holdfast-purge-v1\n${atSec}\n${nonce}\n${url}\n${body}`)
}

function keyOf(secret: string, use: 'sign' | 'verify'): ReturnType<typeof crypto.subtle.importKey> {
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), ALGORITHM, false, [use])
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
