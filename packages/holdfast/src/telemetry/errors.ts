import { defineErrors, type ErrorTable } from '../core/index.ts'

type TelemetryErrorCode = 'HF_BUG_METRIC_LABELS' | 'HF_BUG_METRIC_CONFLICT'

/** Errors of `telemetry`. */
export const telemetryErrors: ErrorTable<TelemetryErrorCode> = defineErrors<TelemetryErrorCode>({
  HF_BUG_METRIC_LABELS: {
    summary: 'A series was asked for with another number of label values than its metric has labels.',
    hint: 'give one value for each label, in the order in which the metric names them',
    retryable: false,
  },
  HF_BUG_METRIC_CONFLICT: {
    summary: 'One metric name was registered twice with different types or labels.',
    hint: 'choose another name for one of the two metrics',
    retryable: false,
  },
})
