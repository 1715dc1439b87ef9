import { defineErrors, type ErrorTable } from './holdfast-error.ts'

type CoreErrorCode = 'HF_CONFIG_INVALID' | 'HF_CONFIG_DURATION' | 'HF_CONFIG_SIZE' | 'HF_BUG_LIFECYCLE' | 'HF_BUG_FINDING_TRANSITION'

/** Errors of `core`. */
export const coreErrors: ErrorTable<CoreErrorCode> = defineErrors<CoreErrorCode>({
  HF_CONFIG_INVALID: {
    summary: 'The options are not valid; the message lists every problem at once.',
    hint: 'correct the options named in the message; their doc comments say what they take',
    retryable: false,
  },
  HF_CONFIG_DURATION: {
    summary: 'A duration is not a number with a unit.',
    hint: "write a number and one of ms, s, m, h, d, w: '250ms', '30s', '1h'",
    retryable: false,
  },
  HF_CONFIG_SIZE: {
    summary: 'A size is not a number with a unit.',
    hint: "write a number and one of b, kb, mb, gb: '512kb', '64mb'",
    retryable: false,
  },
  HF_BUG_LIFECYCLE: {
    summary: 'A component was used in a state in which it cannot work, for example started after it was stopped.',
    hint: 'create a new instance instead of restarting a stopped one',
    retryable: false,
  },
  HF_BUG_FINDING_TRANSITION: {
    summary: 'A finding was moved to a state that its present state does not lead to.',
    hint: 'read the finding again: somebody else may have moved it',
    retryable: false,
    status: 409,
  },
})
