import type { ReactElement } from 'react'
import type { ObjectiveState, Overview } from '../../../src/api/contract.ts'
import { count, counted, ms } from '../format.ts'
import { Icon } from '../parts/icon.tsx'
import { Mark, type Tone } from '../parts/mark.tsx'

const STATES: Readonly<Record<ObjectiveState['state'], readonly [Tone, string]>> = {
  met: ['ok', 'met'],
  broken: ['bad', 'broken'],
  unknown: ['quiet', 'too few samples'],
}

/** One line: do the objectives hold, and if not, which is broken by how much. All objectives with their numbers under it. */
export function VerdictLine({ overview }: { readonly overview: Overview }): ReactElement {
  const { objectives } = overview
  const { tone, text } = verdict(overview)
  return (
    <section className={`verdict tone-${tone}`} aria-label="Verdict">
      <p className="verdict-text">
        <Icon name={tone === 'ok' ? 'ok' : tone === 'bad' ? 'bad' : 'unknown'} />
        <strong>{text}</strong>
        {objectives.length === 1 ? <span className="count">n {count(objectives[0]!.p95Ms.n)}</span> : null}
      </p>
      {objectives.length < 2 ? null : (
        <ul className="objectives">
          {objectives.map(objective => (
            <li key={objective.target}>
              <Mark tone={STATES[objective.state][0]}>{STATES[objective.state][1]}</Mark>{' '}
              <span className="objective-target">{targetName(objective)}</span>{' '}
              <span className="objective-value">
                p95 {objective.p95Ms.value === null ? '–' : ms(objective.p95Ms.value)} {sign(objective)} {ms(objective.p95LimitMs)}
              </span>{' '}
              <span className="count">{objective.p95Ms.n === 0 ? 'no samples' : `n ${count(objective.p95Ms.n)}`}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function verdict({ objectives, tiles, health }: Overview): { readonly tone: Tone; readonly text: string } {
  const broken = objectives.filter(objective => objective.state === 'broken')
  const unknown = objectives.filter(objective => objective.state === 'unknown')
  const worst = broken.toSorted((a, b) => (b.p95Ms.value ?? 0) / b.p95LimitMs - (a.p95Ms.value ?? 0) / a.p95LimitMs)[0]
  if (worst !== undefined) {
    const number =
      broken.length === objectives.length && objectives.length === 1
        ? 'The objective is'
        : `${broken.length} of ${counted(objectives.length, 'objective')}`
    const verb = number.startsWith('The') ? '' : broken.length === 1 ? ' is' : ' are'
    return { tone: 'bad', text: `${number}${verb} broken: ${comparison(worst)}` }
  }
  if (health.status === 'down') return { tone: 'bad', text: 'The service is down' }
  if (objectives.length === 0) return { tone: 'quiet', text: `No objective is set. ${counted(tiles.requestsPerSec.n, 'request')} seen` }
  if (unknown.length === objectives.length) return { tone: 'quiet', text: 'Not enough requests yet to judge the objectives' }
  if (unknown.length > 0)
    return { tone: 'ok', text: `${counted(objectives.length - unknown.length, 'objective')} met, ${unknown.length} without enough samples` }
  return {
    tone: 'ok',
    text: objectives.length === 1 ? `The objective is met: ${comparison(objectives[0]!)}` : `All ${objectives.length} objectives are met`,
  }
}

function comparison(objective: ObjectiveState): string {
  return `${targetName(objective)} p95 ${ms(objective.p95Ms.value ?? 0)} ${sign(objective)} ${ms(objective.p95LimitMs)}`
}

function targetName({ target }: ObjectiveState): string {
  return target === 'all' ? 'all routes' : target
}

function sign({ state }: ObjectiveState): string {
  return state === 'broken' ? '>' : state === 'met' ? '≤' : 'of'
}
