import { type InputProblem, Problem } from './problem.ts'

const INTEGER_MAX = 2 ** 31 - 1

/** Reads the fields of one part of a request (`query`, `params` or `body`) and collects what is wrong with them. */
export interface Input {
  /** An id, or any integer within bounds. */
  integer(name: string, bounds?: { min?: number; max?: number }): number
  integerOr(name: string, fallback: number, bounds?: { min?: number; max?: number }): number
  oneOf<T extends string>(name: string, choices: readonly T[]): T
  oneOfOr<T extends string, F>(name: string, choices: readonly T[], fallback: F): T | F
  matchingOr<F>(name: string, pattern: RegExp, what: string, fallback: F): string | F
  matching(name: string, pattern: RegExp, what: string): string
  /** @throws a 400 that names every problem found, and every field that is not known */
  done(): void
}

/** Starts reading `source`. */
export function readInput(where: 'query' | 'params' | 'body', source: unknown): Input {
  const problems: InputProblem[] = []
  const asked = new Set<string>()
  const isObject = typeof source === 'object' && source !== null && !Array.isArray(source)
  const fields = (isObject ? source : {}) as Record<string, unknown>
  if (!isObject) problems.push({ where, what: 'must be a JSON object, sent with content-type: application/json' })

  const value = (name: string): unknown => {
    asked.add(name)
    return Object.hasOwn(fields, name) ? fields[name] : undefined
  }
  const refuse = (name: string, what: string): void => {
    problems.push({ where: `${where}.${name}`, what })
  }
  const integer: Input['integer'] = (name, { min = 1, max = INTEGER_MAX } = {}) => {
    const given = value(name)
    // Text is right in a path or a query and wrong in JSON, where a number is a number.
    const number = where === 'body' ? given : typeof given === 'string' && /^-?\d{1,10}$/.test(given) ? Number(given) : undefined
    if (Number.isInteger(number) && (number as number) >= min && (number as number) <= max) return number as number
    refuse(name, `must be an integer from ${min} to ${max}`)
    return min
  }
  const oneOf: Input['oneOf'] = (name, choices) => {
    const given = value(name)
    const found = choices.find(choice => choice === given)
    if (found === undefined) refuse(name, `must be one of ${choices.join(', ')}`)
    return found ?? choices[0]!
  }
  const matching: Input['matching'] = (name, pattern, what) => {
    const given = value(name)
    if (typeof given === 'string' && pattern.test(given)) return given
    refuse(name, `must be ${what}`)
    return ''
  }
  return {
    integer,
    oneOf,
    matching,
    integerOr: (name, fallback, bounds) => (value(name) === undefined ? fallback : integer(name, bounds)),
    oneOfOr: (name, choices, fallback) => (value(name) === undefined ? fallback : oneOf(name, choices)),
    matchingOr: (name, pattern, what, fallback) => (value(name) === undefined ? fallback : matching(name, pattern, what)),
    done() {
      for (const name of Object.keys(fields)) if (!asked.has(name)) refuse(name, `is not known; known are ${[...asked].join(', ')}`)
      if (problems.length > 0) throw new Problem(400, 'the request is not valid', problems)
    },
  }
}

/** The id in the path. @throws a 400 when it is not one */
export function readId(params: Readonly<Record<string, unknown>>): number {
  const input = readInput('params', params)
  const id = input.integer('id')
  input.done()
  return id
}
