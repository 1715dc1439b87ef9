import type { ReactElement } from 'react'
import type { Measured } from '../../../src/api/contract.ts'
import { count, type Shown } from '../format.ts'

interface FigureProps {
  readonly measured: Measured
  readonly show: (value: number) => Shown
  /** Samples below which the value is marked as resting on few. Default 1: never marked. */
  readonly enough?: number
  /** What the samples are. Default `n`. */
  readonly samples?: string
}

/** Samples from which on a 95th percentile is more than the largest value. */
export const ENOUGH_FOR_P95 = 20

/** A measured value with its unit and the count it rests on; a dash and "no samples" when nothing was measured. */
export function Figure({ measured, show, enough = 1, samples = 'n' }: FigureProps): ReactElement {
  if (measured.value === null || measured.n === 0) {
    return (
      <span className="figure">
        <span className="value" aria-hidden="true">
          –
        </span>{' '}
        <span className="count">no samples</span>
      </span>
    )
  }
  const { text, unit } = show(measured.value)
  const few = measured.n < enough
  return (
    <span className="figure">
      <span className={few ? 'value few' : 'value'}>{text}</span>
      {unit === '' ? null : <span className="unit"> {unit}</span>}{' '}
      <span className="count">
        {samples} {count(measured.n)}
        {few ? ', few' : ''}
      </span>
    </span>
  )
}
