import { consoleErrors } from '../errors.ts'

/** Largest body accepted. */
export const BODY_LIMIT_BYTES = 65_536

/** The JSON body of a request; an empty body is `{}`.
 *  @throws HF_CONSOLE_BODY when it is too large or not JSON. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readBounded(request)
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    throw consoleErrors.create('HF_CONSOLE_BODY', 'the body is not JSON')
  }
}

async function readBounded(request: Request): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.length
    if (sizeBytes > BODY_LIMIT_BYTES) throw consoleErrors.create('HF_CONSOLE_BODY', `the body is larger than ${BODY_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
