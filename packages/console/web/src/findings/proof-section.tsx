import type { Finding } from 'holdfast/core'
import type { ReactElement } from 'react'
import type { FindingDetail } from '../../../src/api/contract.ts'
import { count, dateTime, ms, msFine, span, speedUp } from '../format.ts'
import { Icon } from '../parts/icon.tsx'
import { Panel } from '../parts/panel.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import type { FindingActionName } from './action-dialog.tsx'

type Verification = NonNullable<Finding['verification']>
type Measurement = Verification['before']

/** Half width of a 95 % interval in standard errors. */
const Z_95 = 1.96

interface ProofSectionProps {
  readonly detail: FindingDetail
  ask(action: FindingActionName): void
}

/** What the change did, measured on the live system. */
export function ProofSection({ detail, ask }: ProofSectionProps): ReactElement {
  const { finding, actions } = detail
  const { verification } = finding
  return (
    <Panel title="Proof" className="proof" aside={verification === undefined ? undefined : dateTime(verification.atMs)}>
      {verification === undefined ? (
        <Unproven state={finding.state} recommendation={finding.recommendation} rule={finding.rule} />
      ) : (
        <Proven verification={verification} />
      )}
      <div className="actions">
        {actions.includes('verify') ? (
          <button type="button" className="button" onClick={() => ask('verify')}>
            <Icon name="finding" /> Measure {verification === undefined ? 'now' : 'again'}
          </button>
        ) : null}
        {actions.includes('revert') ? (
          <button type="button" className={verification?.revertOffered ? 'button primary' : 'button'} onClick={() => ask('revert')}>
            <Icon name="revert" /> Revert…
          </button>
        ) : null}
      </div>
    </Panel>
  )
}

function Unproven({ state, recommendation, rule }: Pick<Finding, 'state' | 'recommendation' | 'rule'>): ReactElement {
  if (rule.startsWith('jobs/')) {
    if (state === 'gone') return <p className="empty">No instance sees it any more.</p>
    return (
      <p className="empty">
        Nothing to prove yet. The instances look at their queues every five seconds: the finding is gone when none of them sees it any more.
      </p>
    )
  }
  if (recommendation.manual !== undefined) {
    return (
      <p className="empty">
        Nothing to prove yet. Make the change by hand; the finding is gone when advice is looked for again and it is no longer found.
      </p>
    )
  }
  if (recommendation.option !== undefined) {
    return (
      <p className="empty">
        Nothing to prove yet. Change the code and deploy: each minute is measured, and two good ones in a row prove it here by themselves.
      </p>
    )
  }
  if (state === 'applied') {
    return (
      <p className="empty">
        <strong>Applied. Measuring the same traffic again.</strong> The verdict comes when enough calls were seen; this page shows it by itself.
      </p>
    )
  }
  return <p className="empty">Nothing to prove yet. After the change is applied, the same statements under the same traffic are measured again.</p>
}

function Proven({ verification }: { readonly verification: Verification }): ReactElement {
  const { before, after, verdict } = verification
  // Of a difference within the noise, a ratio would say more than is known.
  const change = verdict === 'fixed' || verdict === 'regressed' ? speedUp(before.meanMs, after.meanMs) : null
  return (
    <>
      <p className="proof-verdict">
        <StateMark state="applied" verdict={verdict} />
        {change === null ? null : <strong>{change}</strong>}
      </p>
      <p>{verification.why}</p>
      <BeforeAfter before={before} after={after} />
      <MeasurementTable before={before} after={after} />
      {verification.regressedStatements.length === 0 ? null : (
        <>
          <h3>Slower since then</h3>
          <ul className="plain regressed">
            {verification.regressedStatements.map(regressed => (
              <li key={regressed.statement}>
                <code>{regressed.statement}</code>{' '}
                <span>
                  {msFine(regressed.beforeMs)} → {msFine(regressed.afterMs)}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {verification.revertOffered ? <p>The change did not earn its cost: reverting it is offered.</p> : null}
    </>
  )
}

/** Two bars on one scale, each mean with its 95 % interval. */
function BeforeAfter({ before, after }: { readonly before: Measurement; readonly after: Measurement }): ReactElement {
  const topMs = Math.max(highEnd(before), highEnd(after), 1e-6)
  const rows = [
    ['before', before],
    ['after', after],
  ] as const
  return (
    <ul className="plain before-after">
      {rows.map(([name, measurement]) => (
        <li key={name} className={name}>
          <span className="bar-name">{name}</span>
          <span className="proof-bar" aria-hidden="true">
            <span className="proof-fill" style={{ width: `${(measurement.meanMs / topMs) * 100}%` }} />
            {measurement.meanErrorMs === undefined ? null : (
              <span
                className="whisker"
                style={{ left: `${(lowEnd(measurement) / topMs) * 100}%`, width: `${((highEnd(measurement) - lowEnd(measurement)) / topMs) * 100}%` }}
              />
            )}
          </span>
          <span className="proof-number">
            <strong>{msFine(measurement.meanMs)}</strong>
            {measurement.meanErrorMs === undefined ? null : <span className="count"> ±{ms(Z_95 * measurement.meanErrorMs)}</span>}{' '}
            <span className="count">n {count(measurement.sampleCount)}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}

const ROWS: readonly { readonly name: string; readonly read: (measurement: Measurement) => string | undefined }[] = [
  { name: 'Mean', read: ({ meanMs }) => msFine(meanMs) },
  { name: 'p50', read: ({ p50Ms }) => optional(p50Ms, msFine) },
  { name: 'p95', read: ({ p95Ms }) => optional(p95Ms, msFine) },
  { name: 'p99', read: ({ p99Ms }) => optional(p99Ms, msFine) },
  { name: 'Rows read per row', read: ({ rowsReadPerRow }) => optional(rowsReadPerRow, count) },
  { name: 'Calls (n)', read: ({ sampleCount }) => count(sampleCount) },
  { name: 'Window', read: ({ windowMs }) => span(windowMs / 1000) },
]

function MeasurementTable({ before, after }: { readonly before: Measurement; readonly after: Measurement }): ReactElement {
  const rows = ROWS.filter(({ read }) => read(before) !== undefined || read(after) !== undefined)
  return (
    <table>
      <caption className="visually-hidden">Before and after; ± is the 95 % interval of the mean</caption>
      <thead>
        <tr>
          <td />
          <th scope="col" className="number">
            Before
          </th>
          <th scope="col" className="number">
            After
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, read }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="number">{read(before) ?? '–'}</td>
            <td className="number">{read(after) ?? '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function optional(value: number | undefined, show: (value: number) => string): string | undefined {
  return value === undefined ? undefined : show(value)
}

function lowEnd({ meanMs, meanErrorMs = 0 }: Measurement): number {
  return Math.max(0, meanMs - Z_95 * meanErrorMs)
}

function highEnd({ meanMs, meanErrorMs = 0 }: Measurement): number {
  return meanMs + Z_95 * meanErrorMs
}
