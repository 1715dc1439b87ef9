const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])
const RESET_CODES = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** Why a request got no whole answer. `connect`: no connection. `reset`: the connection ended before the answer did; also when the target closed an
 *  idle connection at the moment of sending, because from here nobody can tell whether it had read the request. `protocol`: the answer was not HTTP.
 *  Answers with an unexpected status are `http_<status>`, and requests given up are `timeout`. */
export type TransportErrorKind = 'connect' | 'reset' | 'protocol' | 'other'

/** Translates error codes of Node.js and undici 7. */
export function transportErrorKind(error: unknown): TransportErrorKind {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  if (CONNECT_CODES.has(String(code))) return 'connect'
  if (RESET_CODES.has(String(code))) return 'reset'
  // By its name, because undici 7.30 means to set a code HPE_* here and sets none.
  return name === 'HTTPParserError' || /^(HPE_|UND_ERR_RES|UND_ERR_HEADERS_OVERFLOW)/.test(String(code)) ? 'protocol' : 'other'
}
