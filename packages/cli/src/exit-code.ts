/** What the process says when it ends. */
export const exitCode = {
  ok: 0,
  /** Findings at or above `--fail-on`, an objective broken, or a verdict other than fixed. */
  objectiveBroken: 1,
  usage: 2,
  unreachable: 3,
  interrupted: 130,
} as const

/** The exit code of an error, by its code alone. */
export function exitCodeOf(code: string): number {
  if (code === 'HF_CLI_INTERRUPTED') return exitCode.interrupted
  if (code === 'HF_CLI_NO_FINDING' || code === 'HF_LOAD_NOT_COMPARABLE') return exitCode.objectiveBroken
  if (/_(UNREACHABLE|UNOBTAINABLE|START_FAILED|SERVICE_DIED|AWAY|REFUSED|NO_WARMER|FACTS_TIMEOUT)$/.test(code)) return exitCode.unreachable
  return exitCode.usage
}
