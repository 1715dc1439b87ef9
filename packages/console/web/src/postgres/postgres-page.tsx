import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { Live } from '../live/use-live.ts'
import type { Theme } from '../theme.ts'
import { HealthTab } from './health-tab.tsx'
import { IndexesTab } from './indexes-tab.tsx'
import { PoolTab } from './pool-tab.tsx'
import { QueriesTab } from './queries-tab.tsx'

const TABS = [
  ['pool', 'Pool', '/postgres'],
  ['queries', 'Queries', '/postgres/queries'],
  ['indexes', 'Indexes', '/postgres/indexes'],
  ['health', 'Health', '/postgres/health'],
] as const

/** What every tab gets. */
export interface PostgresTabProps {
  readonly live: Live
  readonly theme: Theme
  readonly windowSec: number
  linkTo(path: string): string
}

/** The database and the ways to it, in four tabs, each with an address of its own. `tab` as in the address; absent: the pool. */
export function PostgresPage({ tab, ...props }: PostgresTabProps & { readonly tab: string | undefined }): ReactElement {
  const [id, title] = TABS.find(([known]) => known === tab) ?? TABS[0]
  return (
    <>
      <h1 className="visually-hidden">Postgres: {title}</h1>
      <nav className="tabs" aria-label="Postgres">
        {TABS.map(([known, label, path]) => (
          <Link key={known} href={props.linkTo(path)} className={known === id ? 'current' : ''} aria-current={known === id ? 'page' : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {id === 'pool' ? <PoolTab {...props} /> : null}
      {id === 'queries' ? <QueriesTab {...props} /> : null}
      {id === 'indexes' ? <IndexesTab {...props} /> : null}
      {id === 'health' ? <HealthTab {...props} /> : null}
    </>
  )
}
