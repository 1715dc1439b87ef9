import { createHash } from 'node:crypto'

/** A script with the digest by which Redis knows it. */
export interface LuaScript {
  readonly source: string
  readonly sha1: string
}

/** Prepares a script. */
export function luaScript(source: string): LuaScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}
