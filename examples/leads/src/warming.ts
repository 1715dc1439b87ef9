import { createWarming, type TieredCache, type Warming } from 'holdfast/cache'
import type { Database } from './database.ts'
import { agentLeadsKey, readAgentLeads } from './routes/agents.ts'
import { readCarriers } from './routes/carriers.ts'
import { readDashboard } from './routes/dashboard.ts'

/** Agents that are warmed: about as many as are at work at once. */
const BUSY_AGENTS = 200

/** What is worth having before the first request: the busiest agents' open leads, then what every page shows. Warmed by `holdfast cache warm --namespace leads`
 *  alone, and not on start: this service is measured with a cold cache. A service of yours would add `on: ['deploy']` or a schedule before its peak. */
export function createLeadsWarming(cache: TieredCache, db: Database): Warming {
  return createWarming(cache, {
    sources: [
      {
        name: 'agents',
        priority: 20,
        keys: async () => {
          const { rows } = await db.query<{ id: number }>('select id from agent where active order by current_lead_count desc, id limit $1', [
            BUSY_AGENTS,
          ])
          return rows.map(({ id }) => agentLeadsKey(id, 'open'))
        },
        load: ({ key }) => readAgentLeads(db, agentOf(key), 'open'),
        ttl: '30s',
        tags: key => [`agent:${agentOf(key)}`],
        on: [],
      },
      { name: 'carriers', priority: 10, keys: () => ['carriers'], load: () => readCarriers(db), ttl: '300s', on: [] },
      { name: 'dashboard', keys: () => ['dashboard'], load: () => readDashboard(db), ttl: '5s', on: [] },
    ],
  })
}

function agentOf(key: string): number {
  return Number(key.split(':')[1])
}
