import type { ReactElement } from 'react'
import type { LoadState } from '../../../src/api/contract.ts'
import { count, showMs, showPerSec } from '../format.ts'
import { Figure } from '../parts/figure.tsx'
import { Icon } from '../parts/icon.tsx'
import { Mark } from '../parts/mark.tsx'

/** The running load step, and whether its figures may be believed. */
export function LoadBanner({ load }: { readonly load: LoadState }): ReactElement {
  const rate = showPerSec(load.arrivalPerSec)
  return (
    <section className="banner load" aria-label="Load test">
      <p className="load-name">
        <strong>
          <Icon name="load" /> Load step “{load.step}”
        </strong>
        <span>
          {rate.text} {rate.unit}, open loop
        </span>
      </p>
      <dl className="load-figures">
        <div>
          <dt>p50</dt>
          <dd>
            <Figure measured={load.p50Ms} show={showMs} />
          </dd>
        </div>
        <div>
          <dt>p95</dt>
          <dd>
            <Figure measured={load.p95Ms} show={showMs} />
          </dd>
        </div>
        <div>
          <dt>errors</dt>
          <dd>{count(load.errors)}</dd>
        </div>
      </dl>
      {load.valid ? (
        <Mark tone="ok">valid: the generator keeps time</Mark>
      ) : (
        <Mark tone="bad">not valid: the generator fell behind, do not use these figures</Mark>
      )}
    </section>
  )
}
