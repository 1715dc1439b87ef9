import { countText, shareText } from '../figure-text.ts'
import { manualChange, objectEvidence, type Rule } from './rule.ts'

/** Share of the connections in use from which on a deployment, which doubles the instances for a moment, may not find enough.
 *  @source pgEdge AI DBA Workbench, "High Connection Utilization": 80 % */
export const FULL_SHARE = 0.8

/** Rule `pg/connection-budget`: all pools together may ask for more connections than the server gives to ordinary roles, or most are taken already.
 *  The sum of the pools is only judged when the advisor is told of them (option `pools`). */
export const connectionBudget: Rule = {
  name: 'pg/connection-budget',
  judge({ server, pools }) {
    const budget = server.maxConnections - server.reservedConnections
    const asked = pools.reduce((sum, pool) => sum + pool.max * pool.instances, 0)
    const isOverSold = asked > budget
    if (!isOverSold && server.connectionCount < FULL_SHARE * budget) return { findings: [], unknown: [] }
    const fitting =
      pools.length === 0
        ? undefined
        : Math.max(
            1,
            Math.floor(
              budget /
                Math.max(
                  1,
                  pools.reduce((sum, pool) => sum + pool.instances, 0),
                ),
            ),
          )
    const poolText = pools.map(({ name, max, instances }) => `${name}: ${max} x ${instances}`).join(', ')
    const figures = [
      {
        name: 'Connections now',
        value: `${countText(server.connectionCount)} of ${countText(budget)}, ${shareText(server.connectionCount / budget)}`,
      },
      { name: 'max_connections, less the reserve', value: `${server.maxConnections} - ${server.reservedConnections} = ${budget}` },
      { name: 'Sum of the pools', value: pools.length === 0 ? 'not told to the advisor' : `${countText(asked)} (${poolText})` },
    ]
    const title = isOverSold
      ? `the pools may ask for ${countText(asked)} connections, the server gives ${countText(budget)}`
      : `${countText(server.connectionCount)} of ${countText(budget)} connections are taken`
    return {
      unknown: [],
      findings: [
        {
          subject: 'max_connections',
          title,
          severity: server.connectionCount >= budget ? 'critical' : 'warning',
          evidence: objectEvidence('max_connections', figures, server.connectionCount),
          recommendation: manualChange({
            summary:
              fitting === undefined
                ? 'find who holds them (application_name in pg_stat_activity) and make those pools smaller; a pooler in front serves more clients with fewer'
                : `make the pools smaller: at most ${fitting} for each instance, so that their sum stays within ${budget}`,
            costNote: 'a smaller pool queues; above twice the cores of the server more connections give no more throughput',
            lockNote: 'none',
            risk: 'low',
            confidence: isOverSold ? 'high' : 'medium',
            why: 'the size of a pool is an option of the program',
          }),
          change: { kind: 'manual' },
        },
      ],
    }
  },
}
