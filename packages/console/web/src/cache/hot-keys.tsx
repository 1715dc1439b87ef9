import type { ReactElement } from 'react'
import type { HotKeyRow } from '../../../src/api/cache-contract.ts'
import { joined, showPerSec, showRatio } from '../format.ts'
import { Figure } from '../parts/figure.tsx'
import { Panel } from '../parts/panel.tsx'

/** The keys read most, from samples. */
export function HotKeys({ rows }: { readonly rows: readonly HotKeyRow[] }): ReactElement {
  return (
    <Panel title="Read most" aside="last whole minute, sampled" className="beside-times">
      {rows.length === 0 ? (
        <p className="empty">No key has 5 % of the reads, or fewer than 100 reads were sampled.</p>
      ) : (
        <ul className="plain hot-keys">
          {rows.map(({ key, instanceId, where, share, readsPerSec }) => (
            <li key={`${instanceId} ${where} ${key}`}>
              <code>{key}</code>
              <span>
                <Figure measured={share} show={showRatio} samples="samples" /> of{' '}
                {where === 'memory' ? 'the reads from memory' : 'the reads that went to Redis or the loader'}, about{' '}
                {joined({ text: showPerSec(readsPerSec).text, unit: '/s' })}
              </span>
              <span className="count">{instanceId}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
