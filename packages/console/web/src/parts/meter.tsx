import type { ReactElement } from 'react'
import { percent } from '../format.ts'

interface MeterProps {
  /** What is measured, for those who do not see the bar. */
  readonly label: string
  /** 0..1; more is shown as full. */
  readonly ratio: number
}

/** How much of something is used, as a bar. The number stands beside it in words. */
export function Meter({ label, ratio }: MeterProps): ReactElement {
  return (
    <div className="meter" role="img" aria-label={`${label}: ${percent(ratio)}`}>
      <span style={{ width: `${Math.min(1, Math.max(0, ratio)) * 100}%` }} />
    </div>
  )
}
