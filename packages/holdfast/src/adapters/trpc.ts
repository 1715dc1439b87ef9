import { type AnswerRule, answerFields, answerRule, type CachedOptions } from './cached-answer.ts'

export type { CachedOptions }

/** The part of what tRPC 11 gives a middleware that is used here. */
export interface ProcedureCall<Result> {
  readonly type: string
  readonly input: unknown
  readonly getRawInput: () => Promise<unknown>
  next(): Promise<Result>
}

/** The part of what tRPC 11 gives `responseMeta` that is used here. */
export interface AnsweredCalls {
  readonly info: { readonly calls: readonly { readonly getRawInput: () => Promise<unknown> }[] } | undefined
  readonly errors: readonly unknown[]
  readonly eagerGeneration: boolean
}

/** What each call under way may be used for. tRPC hands the function that reads a call's input to the middleware and to `responseMeta`, and to no other call. */
const ruleOf = new WeakMap<() => Promise<unknown>, AnswerRule>()

/** Middleware for queries whose answers may be stored; mutations and subscriptions never are. A function for `tags` is given the input as the validators before it
 *  left it. It says so to {@link responseMeta}, without which nothing is stored. @throws HF_CONFIG_DURATION at once */
export function cached(options: CachedOptions): <Result>(call: ProcedureCall<Result>) => Promise<Result> {
  const ruleFor = answerRule(options)
  return call => {
    const rule = call.type === 'query' ? ruleFor(call.input) : undefined
    if (rule !== undefined) ruleOf.set(call.getRawInput, rule)
    return call.next()
  }
}

/** `responseMeta` of tRPC's adapters: says what the response cache in front may store. An answer to a batch is stored when every call in it may be; one with an error or
 *  with a call that is not {@link cached} is not, and neither is a stream. */
export function responseMeta({ info, errors, eagerGeneration }: AnsweredCalls): { headers: Record<string, string> } {
  const rules = info?.calls.map(({ getRawInput }) => ruleOf.get(getRawInput)) ?? []
  const isStored = errors.length === 0 && !eagerGeneration && rules.length > 0 && rules.every(rule => rule !== undefined)
  return { headers: isStored ? answerFields(rules) : { 'cache-control': 'private, no-store' } }
}
