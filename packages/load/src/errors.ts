import { defineErrors, type ErrorTable } from 'holdfast/core'

/** Codes of `@holdfast/load`. */
export type LoadErrorCode =
  | 'HF_LOAD_SCENARIO_INVALID'
  | 'HF_LOAD_SCENARIO_NOT_FOUND'
  | 'HF_LOAD_TARGET_NOT_LOCAL'
  | 'HF_LOAD_TARGET_UNREACHABLE'
  | 'HF_LOAD_WORKER_FAILED'
  | 'HF_LOAD_INVALID_RUN'
  | 'HF_LOAD_NOT_COMPARABLE'

/** Errors of `@holdfast/load`. */
export const loadErrors: ErrorTable<LoadErrorCode> = defineErrors<LoadErrorCode>({
  HF_LOAD_SCENARIO_INVALID: {
    summary: 'A load scenario is not valid; the message lists every problem at once.',
    hint: 'correct the keys named in the message; packages/load/scenario.schema.json lists all of them',
    retryable: false,
  },
  HF_LOAD_SCENARIO_NOT_FOUND: {
    summary: 'The scenario file cannot be read.',
    hint: 'check the path; it is taken relative to the current folder',
    retryable: false,
  },
  HF_LOAD_TARGET_NOT_LOCAL: {
    summary: 'The target is not on this machine, and nobody said that it may be elsewhere.',
    hint: 'only when you may load that host: pass --allow-remote (in code: allowRemote: true)',
    retryable: false,
  },
  HF_LOAD_TARGET_UNREACHABLE: {
    summary: 'No connection to the target could be made, so the run was not started.',
    hint: 'start the service, or correct baseUrl',
    retryable: true,
  },
  HF_LOAD_WORKER_FAILED: {
    summary: 'The thread that generates the load could not be started, or died.',
    hint: 'build the package (npm run build); if it is built, report the cause',
    retryable: false,
  },
  HF_LOAD_INVALID_RUN: {
    summary: 'The generator could not keep to the scenario, so the figures of the run say nothing about the target.',
    hint: 'lower the rate, raise maxInFlight, or give the generator a machine of its own',
    retryable: true,
  },
  HF_LOAD_NOT_COMPARABLE: {
    summary: 'Something that is not a saved result of this version was given to compare.',
    hint: 'compare files that `holdfast load run --json` wrote with this version',
    retryable: false,
  },
})
