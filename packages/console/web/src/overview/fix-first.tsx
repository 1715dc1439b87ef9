import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { Overview } from '../../../src/api/contract.ts'
import { timeKind } from '../findings/time-kind.ts'
import { count, counted, ms, percent, span } from '../format.ts'
import { Icon } from '../parts/icon.tsx'
import { Panel } from '../parts/panel.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { LookForAdvice } from './look-for-advice.tsx'

interface FixFirstProps {
  readonly overview: Overview
  linkTo(path: string): string
}

/** The findings in the order of what mending them saves. */
export function FixFirst({ overview, linkTo }: FixFirstProps): ReactElement {
  const { fixFirst, statements, tiles, windowSec } = overview
  return (
    <Panel title="Fix first" aside="critical, then by time saved" className="fix-first">
      {fixFirst.length === 0 ? (
        <div className="empty">
          <p>
            <strong>No findings.</strong>
          </p>
          <p className="count">
            {tiles.requestsPerSec.n === 0
              ? `No requests in the last ${span(windowSec)}: findings need traffic.`
              : `${counted(statements.length, 'statement')} and ${counted(tiles.requestsPerSec.n, 'request')} seen, window ${span(windowSec)}.`}
          </p>
        </div>
      ) : (
        <ol className="findings">
          {fixFirst.map((finding, index) => (
            <li key={finding.id}>
              <Link href={linkTo(`/findings/${encodeURIComponent(finding.id)}`)} className="finding-link" data-finding={finding.id}>
                <span className="rank" aria-hidden="true">
                  {index + 1}
                </span>
                <span className="finding-text">
                  <span className="finding-title">
                    <span className="finding-id">{finding.id}</span> {finding.title}
                  </span>
                  <span className="finding-facts">
                    <StateMark state={finding.state} verdict={finding.verdict} />
                    {finding.isOfObject ? (
                      <span>{finding.severity}</span>
                    ) : (
                      <>
                        <span>saves {ms(finding.savesMsPerSec)} each second</span>
                        <span>
                          {percent(finding.shareOfTime)} of {timeKind(finding.rule)}
                        </span>
                      </>
                    )}
                    <span className="count">n {count(finding.sampleCount)}</span>
                  </span>
                </span>
                <Icon name="next" />
              </Link>
            </li>
          ))}
        </ol>
      )}
      <LookForAdvice />
    </Panel>
  )
}
