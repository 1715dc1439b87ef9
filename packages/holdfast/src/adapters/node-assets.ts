import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AssetAnswer, type AssetPolicy, markRuled } from '../http/index.ts'

type WriteHead = ServerResponse['writeHead']

/** Asks the policy about a request of node, lets the handler see one plain Accept, and sets the fields when the head of the answer is written. */
export async function applyAssets(policy: AssetPolicy, request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
  const answer = await policy.answer(request.method ?? '', url, request.headers.accept)
  if (answer === undefined) return
  markRuled(response)
  if (answer.accept !== undefined) setAccept(request, answer.accept)
  const writeHead = response.writeHead
  // The status must be known, and Node offers no event for that moment.
  response.writeHead = function (this: ServerResponse, ...args: Parameters<WriteHead>) {
    response.writeHead = writeHead
    return writeHead.apply(this, (response.headersSent ? args : withFields(response, answer, args)) as Parameters<WriteHead>)
  } as WriteHead
}

/** Fields given to `writeHead` override those that were set before, so ours are taken out of them. */
function withFields(response: ServerResponse, answer: AssetAnswer, args: readonly unknown[]): unknown[] {
  const [status, ...rest] = args
  const given = rest.at(-1)
  const lines = linesOf(given)
  const has = (name: string): string | undefined => {
    const own = lines?.filter((_, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === name)
    const value = own === undefined || own.length === 0 ? response.getHeader(name) : own
    return value === undefined ? undefined : Array.isArray(value) ? value.join(', ') : String(value)
  }
  const fields = answer.fields(Number(status), has)
  if (fields === undefined) return [...args]
  for (const [name, value] of fields) response.setHeader(name, value)
  if (lines === undefined) return [...args]
  const replaced = new Set(fields.map(([name]) => name.toLowerCase()))
  const kept = lines.filter((_, i) => !replaced.has(lines[i - (i % 2)]!.toLowerCase()))
  return [status, ...rest.slice(0, -1), kept]
}

/** As a flat list; `undefined` when there are none. */
function linesOf(given: unknown): string[] | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  if (Array.isArray(given)) return given.flat().map(String)
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [value].flat().flatMap(one => [name, String(one)])))
}

function setAccept(request: IncomingMessage, accept: string): void {
  request.headers.accept = accept
  const { rawHeaders } = request
  const kept = rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)]!.toLowerCase() !== 'accept')
  request.rawHeaders = [...kept, 'Accept', accept]
}
