import type { Finding } from 'holdfast/core'
import type { ReactElement } from 'react'
import { Link } from 'wouter'
import { count, msFine, percent, span, speedUp } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Panel } from '../parts/panel.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { Sql } from '../parts/sql.tsx'
import { timeKind } from './time-kind.ts'

type Evidence = Finding['evidence']

const TIERS: Readonly<Record<Evidence['tier'], string>> = {
  modeled: 'by the planner alone: ratios, no times',
  measured: 'on a copy of the data',
  proven: 'before and after, on the live system',
}

/** Rules of PostgreSQL that the console judges by what the instances count. */
const COUNTED_RULES: ReadonlySet<string> = new Set(['pg/n-plus-one', 'pg/duplicate-read'])

interface EvidenceSectionProps {
  readonly evidence: Evidence
  readonly rule: string
  linkTo(path: string): string
}

/** The numbers and plans behind a finding. */
export function EvidenceSection({ evidence, rule, linkTo }: EvidenceSectionProps): ReactElement {
  const { before, trial, figures } = evidence
  const isOfCache = rule.startsWith('cache/')
  const isOfJobs = rule.startsWith('jobs/')
  const isCounted = isOfCache || isOfJobs || COUNTED_RULES.has(rule)
  const isOfObject = evidence.of === 'object'
  return (
    <Panel
      title="Evidence"
      className="evidence"
      aside={
        <>
          <span className="badge">{evidence.tier}</span> {sourceOf(evidence, isCounted)}
        </>
      }
    >
      {isOfObject ? null : <Times before={before} shareOfTime={evidence.shareOfTime} rule={rule} />}
      <div className="with-button">
        <h3>{isOfCache ? 'Keys' : isOfJobs ? 'Queue' : isOfObject ? 'Object' : 'Statement'}</h3>
        <CopyButton text={evidence.statement} />
      </div>
      {isOfCache || isOfObject ? <code className="finding-subject">{evidence.statement}</code> : <Sql text={evidence.statement} />}
      {isOfJobs && rule !== 'jobs/eviction-policy' ? (
        <p>
          <Link href={linkTo(`/jobs?queue=${encodeURIComponent(evidence.statement.split('/')[0] ?? '')}`)}>Show the queue</Link>
        </p>
      ) : null}
      {figures === undefined ? null : (
        <dl className="notes">
          {figures.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {trial === undefined ? null : (
        <>
          <h3>Tried on a copy</h3>
          <p>
            Mean {msFine(trial.before.meanMs)} <span className="count">n {count(trial.before.sampleCount)}</span> → {msFine(trial.after.meanMs)}{' '}
            <span className="count">n {count(trial.after.sampleCount)}</span>
            {trialRatio(trial.before.meanMs, trial.after.meanMs)}. {trial.note}
          </p>
        </>
      )}
      {evidence.queryId === undefined ? null : <p className="count">pg_stat_statements queryid {evidence.queryId}</p>}
    </Panel>
  )
}

/** Where the numbers come from. */
function sourceOf({ tier, trial, figures }: Evidence, isCounted: boolean): string {
  if (isCounted) return 'counted in the running instances'
  return figures !== undefined && trial === undefined ? 'counted by the server' : TIERS[tier]
}

function Times({ before, shareOfTime, rule }: Pick<Evidence, 'before' | 'shareOfTime'> & { readonly rule: string }): ReactElement {
  const isOfCache = rule.startsWith('cache/')
  return (
    <dl className="facts">
      <Fact name={`Share of ${timeKind(rule)}`} value={percent(shareOfTime)} />
      <Fact name={`${isOfCache ? 'Reads' : 'Calls'} (n) in ${span(before.windowMs / 1000)}`} value={count(before.sampleCount)} />
      <Fact name={isOfCache ? 'Loading and Redis, a read' : 'Mean'} value={msFine(before.meanMs)} />
      {before.p95Ms === undefined ? null : <Fact name="p95" value={msFine(before.p95Ms)} />}
      {before.rowsReadPerRow === undefined ? null : <Fact name="Rows read per row returned" value={count(before.rowsReadPerRow)} />}
    </dl>
  )
}

/** The statement's plan without and with the change, side by side. Nothing where neither is known. */
export function PlansSection({ evidence }: { readonly evidence: Evidence }): ReactElement | null {
  const { planBefore, planAfter } = evidence
  if (planBefore === undefined && planAfter === undefined) return null
  return (
    <Panel title="Evidence: the plan before and after">
      <div className="plans">
        {planBefore === undefined ? null : <Plan title="Before" text={planBefore} />}
        {planAfter === undefined ? null : <Plan title="After" text={planAfter} />}
      </div>
    </Panel>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): ReactElement {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

const NODE = /^(\s*(?:->\s+)?)([A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*)/

function Plan({ title, text }: { readonly title: string; readonly text: string }): ReactElement {
  return (
    <div>
      <h3>{title}</h3>
      <Scroller label={`Plan ${title.toLowerCase()}`} className="plan">
        <pre>
          {text.split('\n').map((line, index) => (
            // Lines of a plan have no identity but their place, and the plan is replaced whole.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <PlanLine key={index} line={line} />
          ))}
        </pre>
      </Scroller>
    </div>
  )
}

function PlanLine({ line }: { readonly line: string }): ReactElement {
  const node = line.includes('(cost') || line.includes('(actual') || line.includes('->') ? NODE.exec(line) : null
  if (node === null) return <>{`${line}\n`}</>
  return (
    <>
      {node[1]}
      <strong>{node[2]}</strong>
      {`${line.slice(node[0].length)}\n`}
    </>
  )
}

function trialRatio(beforeMs: number, afterMs: number): string {
  const ratio = speedUp(beforeMs, afterMs)
  return ratio === null ? '' : `, ${ratio}`
}
