import { migrationFiles, type PredictedRange } from 'holdfast/core'
import type { ReactElement } from 'react'
import type { FindingDetail } from '../../../src/api/contract.ts'
import { joined, showRatio, speedUp } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Icon } from '../parts/icon.tsx'
import { Panel } from '../parts/panel.tsx'
import { Sql } from '../parts/sql.tsx'
import type { FindingActionName } from './action-dialog.tsx'

interface DoSectionProps {
  readonly detail: FindingDetail
  ask(action: FindingActionName | 'snooze'): void
}

/** The change, what it costs and locks, and the ways to make it. */
export function DoSection({ detail, ask }: DoSectionProps): ReactElement {
  const { finding, actions } = detail
  const { recommendation } = finding
  const sql = recommendation.sql.join(';\n')
  return (
    <Panel title="Do" className="do" aside={<span className="badge">{badge(recommendation)}</span>}>
      <p>{recommendation.summary}</p>
      {recommendation.manual === undefined ? null : <p className="count">Not applied by Holdfast: {recommendation.manual}.</p>}
      {recommendation.option === undefined ? sql === '' ? null : <Sql text={sql} /> : <OptionChange option={recommendation.option} />}
      <div className="actions">
        {actions.includes('apply') ? (
          <button type="button" className="button primary" onClick={() => ask('apply')}>
            <Icon name="apply" /> Apply…
          </button>
        ) : null}
        {sql === '' ? null : (
          <>
            <CopyButton text={sql} />
            {recommendation.manual === undefined ? (
              <button type="button" className="button" onClick={() => saveMigration(detail)}>
                <Icon name="save" /> Save migration
              </button>
            ) : null}
          </>
        )}
        {actions.includes('snooze') ? (
          <button type="button" className="button" onClick={() => ask('snooze')}>
            <Icon name="pause" /> Put aside…
          </button>
        ) : null}
      </div>
      <dl className="notes">
        {recommendation.predictedRatio === undefined ? null : (
          <div>
            <dt>Predicted</dt>
            <dd>
              {speedUp(1, recommendation.predictedRatio) ?? `${joined(showRatio(recommendation.predictedRatio))} of the time it takes now`}
              {recommendation.predictedRange === undefined ? null : `, ${rangeText(recommendation.predictedRange)}`}
            </dd>
          </div>
        )}
        <div>
          <dt>Cost</dt>
          <dd>{recommendation.costNote}</dd>
        </div>
        {sql === '' ? null : (
          <>
            <div>
              <dt>Locks</dt>
              <dd>{recommendation.lockNote}</dd>
            </div>
            {recommendation.revertSql.length === 0 ? null : (
              <div>
                <dt>Undo</dt>
                <dd>
                  <code>{recommendation.revertSql.join('; ')}</code>
                </dd>
              </div>
            )}
          </>
        )}
      </dl>
    </Panel>
  )
}

function badge({ risk, confidence }: FindingDetail['finding']['recommendation']): string {
  return confidence === undefined ? `${risk} risk` : `${risk} risk, ${confidence} confidence`
}

/** A change of the code: the option or the place, what it is and what it should be. */
function OptionChange({ option }: { readonly option: NonNullable<FindingDetail['finding']['recommendation']['option']> }): ReactElement {
  return (
    <dl className="notes">
      <div>
        <dt>To change</dt>
        <dd>
          <code>{option.name}</code>
        </dd>
      </div>
      <div>
        <dt>Now</dt>
        <dd>{option.from}</dd>
      </div>
      <div>
        <dt>Change to</dt>
        <dd>
          <strong>{option.to}</strong>
        </dd>
      </div>
    </dl>
  )
}

function saveMigration({ finding }: FindingDetail): void {
  for (const { path, text } of migrationFiles(finding, 'sql', Date.now())) {
    const address = URL.createObjectURL(new Blob([text], { type: 'application/sql' }))
    const link = document.createElement('a')
    link.href = address
    link.download = path
    link.click()
    URL.revokeObjectURL(address)
  }
}

function rangeText({ low, high, parameters }: PredictedRange): string {
  const basis = parameters === 'seen' ? 'from parameters that were seen' : 'from values of rows: its parameters were not seen'
  const [least, most] = [speedUp(1, high), speedUp(1, low)]
  return least === null || most === null ? basis : `from ${least} to ${most}, ${basis}`
}
