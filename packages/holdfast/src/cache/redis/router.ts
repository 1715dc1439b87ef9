import type { LuaScript } from '../../core/index.ts'
import type { RedisOp } from '../metrics.ts'
import { RedisFault } from './fault.ts'
import type { RedisArg } from './port.ts'
import type { Primaries } from './primary.ts'

/** Sends what concerns a key to the server that has it, and after it when it has moved. */
export class Router {
  readonly #primaries: Primaries

  constructor(primaries: Primaries) {
    this.#primaries = primaries
  }

  /** Runs a script where its first key is. @throws RedisFault */
  async run(op: RedisOp, script: LuaScript, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown> {
    const owner = this.#primaries.ownerOf(keys[0]!)
    if (owner === undefined) throw new RedisFault('away', 'no server for this key is known')
    try {
      return await owner.link.run(op, script, keys, args)
    } catch (error) {
      const redirection = this.#primaries.redirect(error, owner)
      if (redirection === undefined) throw error
      const { link } = redirection.primary
      if (redirection.isOnce) return link.sendAsking(op, 'eval', [script.source, keys.length, ...keys, ...args])
      return link.run(op, script, keys, args)
    }
  }

  /** Sends a command where `redisKey` is. @throws RedisFault */
  async send(op: RedisOp, command: string, redisKey: string, args: RedisArg[]): Promise<unknown> {
    const owner = this.#primaries.ownerOf(redisKey)
    if (owner === undefined) throw new RedisFault('away', 'no server for this key is known')
    try {
      return await owner.link.send(op, command, args)
    } catch (error) {
      const redirection = this.#primaries.redirect(error, owner)
      if (redirection === undefined) throw error
      const { link } = redirection.primary
      return redirection.isOnce ? link.sendAsking(op, command, args) : link.send(op, command, args)
    }
  }
}
