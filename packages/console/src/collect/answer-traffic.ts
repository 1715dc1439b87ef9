/** What the response cache answered on one route in a stretch of time: answers by outcome, as `holdfast_http_cache_answers` names them. */
export type AnswerTraffic = ReadonlyMap<string, number>

/** Adds answers up. */
export function mergeAnswers(parts: readonly AnswerTraffic[]): AnswerTraffic {
  const merged = new Map<string, number>()
  for (const part of parts) for (const [outcome, count] of part) merged.set(outcome, (merged.get(outcome) ?? 0) + count)
  return merged
}

/** All answers; by it routes are ranked. */
export function answersOf(answers: AnswerTraffic): number {
  let total = 0
  for (const count of answers.values()) total += count
  return total
}
