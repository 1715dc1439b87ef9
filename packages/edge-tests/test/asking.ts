import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** `X-Cache`. */
  readonly cache: string | undefined
  /** `Cache-Status`. */
  readonly how: string
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string
}

/** Sends a request as it is written: no path is cleaned up, no field is added. */
export function ask(origin: string, path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, path, method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers: fields } = response
        const text = Buffer.concat(chunks).toString()
        resolve({ status, headers: fields, text, cache: fields['x-cache'] as string | undefined, how: String(fields['cache-status'] ?? '') })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
