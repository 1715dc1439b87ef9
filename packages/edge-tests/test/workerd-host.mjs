// Starts workers in workerd through miniflare and serves them until standard input ends. Runs on node 22 or newer, as a child of the tests.
// Argument: JSON of { script, sites: [{ name, bindings, kv, dataset, hasFront }] }, `script` being a file. Prints one line: { name: url }.
// Each site is a data center of its own. `kv: 'own'` gives it a KV namespace PURGES; `kv: <name>` the one of another site, through the service FAR_PURGES, since two
// workerd cannot have one database open.
import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'

const FRONT = `export default {
  async fetch(request, env) {
    const leaveAfterMs = request.headers.get('x-leave-after')
    if (leaveAfterMs === null) return env.SITE.fetch(request)
    const signal = AbortSignal.timeout(Number(leaveAfterMs))
    return env.SITE.fetch(new Request(request, { signal })).catch(() => new Response('left', { status: 499 }))
  },
}`

const { script, sites } = JSON.parse(process.argv[2])
const running = new Map()
for (const { name, bindings, kv, dataset, hasFront } of sites) {
  const far = async request => {
    const { method, args } = await request.json()
    const namespace = await running.get(kv).getKVNamespace('PURGES')
    const answer = await namespace[method](...args)
    return Response.json(answer instanceof Map ? [...answer] : null)
  }
  const shared = { modules: true, compatibilityDate: '2026-06-01' }
  const site = {
    name: 'site',
    ...shared,
    script: readFileSync(script, 'utf8'),
    bindings,
    ...(dataset === undefined ? {} : { analyticsEngineDatasets: { [dataset]: { dataset: 'edge' } } }),
    ...(kv === 'own' ? { kvNamespaces: ['PURGES'] } : {}),
    ...(kv !== undefined && kv !== 'own' ? { serviceBindings: { FAR_PURGES: far } } : {}),
  }
  const front = { name: 'front', ...shared, script: FRONT, serviceBindings: { SITE: 'site' } }
  // The first one is asked.
  running.set(name, new Miniflare({ host: '127.0.0.1', port: 0, workers: hasFront ? [front, site] : [site] }))
}
const urls = await Promise.all([...running].map(async ([name, miniflare]) => [name, (await miniflare.ready).origin]))
process.stdout.write(`${JSON.stringify(Object.fromEntries(urls))}\n`)
process.stdin.resume()
process.stdin.on('end', async () => {
  await Promise.all([...running.values()].map(miniflare => miniflare.dispose()))
  process.exit(0)
})
