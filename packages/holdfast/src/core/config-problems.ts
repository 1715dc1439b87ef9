import { coreErrors } from './errors.ts'
import { isHoldfastError } from './holdfast-error.ts'

/** Collects what is wrong with a set of options, so that the caller hears of everything at once. */
export interface ConfigProblems {
  /** Notes a problem with the option at `path`, for example `cache.ttl`. */
  add(path: string, problem: string): void
  /** Runs a parser; a HoldfastError becomes a problem and `fallback` is returned. */
  attempt<T>(path: string, parse: () => T, fallback: T): T
  /** @throws HF_CONFIG_INVALID listing every problem, when there is one. */
  throwIfAny(subject: string): void
}

/** Starts an empty collection. */
export function collectConfigProblems(): ConfigProblems {
  const problems: { path: string; problem: string }[] = []
  return {
    add: (path, problem) => {
      problems.push({ path, problem })
    },
    attempt(path, parse, fallback) {
      try {
        return parse()
      } catch (error) {
        if (!isHoldfastError(error)) throw error
        problems.push({ path, problem: `${error.message} (${error.hint})` })
        return fallback
      }
    },
    throwIfAny(subject) {
      if (problems.length === 0) return
      const list = problems.map(({ path, problem }) => `${path}: ${problem}`).join('; ')
      throw coreErrors.create('HF_CONFIG_INVALID', `${subject}: ${list}`, { context: { problems } })
    },
  }
}
