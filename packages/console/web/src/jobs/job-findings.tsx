import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { FindingSummary } from '../../../src/api/contract.ts'
import { Mark, type Tone } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'

interface JobFindingsProps {
  readonly findings: readonly FindingSummary[]
  linkTo(path: string): string
}

const TONES: Readonly<Record<NonNullable<FindingSummary['severity']>, Tone>> = { critical: 'bad', warning: 'warn', info: 'quiet' }

/** What the instances find about the queues, worst first. Nothing while there is nothing. */
export function JobFindings({ findings, linkTo }: JobFindingsProps): ReactElement | null {
  if (findings.length === 0) return null
  return (
    <Panel title="Findings" aside="as the instances see it, every five seconds">
      <ul className="job-findings">
        {findings.map(({ id, title, severity }) => (
          <li key={id}>
            <Mark tone={TONES[severity ?? 'info']}>{severity ?? 'info'}</Mark> <Link href={linkTo(`/findings/${id}`)}>{id}</Link> {title}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
