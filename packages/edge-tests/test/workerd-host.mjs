// Starts workers in workerd through miniflare and serves them until standard input ends. Runs on node 22 or newer, as a child of the tests.
// Argument: JSON of { script, sites: [{ name, bindings, kv }] }, `script` being a file. Prints one line: { name: url }.
// Each site is a data center of its own. `kv: 'own'` gives it a KV namespace PURGES; `kv: <name>` the one of another site, through the service FAR_PURGES, since two
// workerd cannot have one database open.
import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'

const { script, sites } = JSON.parse(process.argv[2])
const running = new Map()
for (const { name, bindings, kv } of sites) {
  const far = async request => {
    const { method, args } = await request.json()
    const namespace = await running.get(kv).getKVNamespace('PURGES')
    const answer = await namespace[method](...args)
    return Response.json(answer instanceof Map ? [...answer] : null)
  }
  const options = {
    host: '127.0.0.1',
    port: 0,
    modules: true,
    script: readFileSync(script, 'utf8'),
    compatibilityDate: '2026-06-01',
    bindings,
    ...(kv === 'own' ? { kvNamespaces: ['PURGES'] } : {}),
    ...(kv !== undefined && kv !== 'own' ? { serviceBindings: { FAR_PURGES: far } } : {}),
  }
  running.set(name, new Miniflare(options))
}
const urls = await Promise.all([...running].map(async ([name, miniflare]) => [name, (await miniflare.ready).origin]))
process.stdout.write(`${JSON.stringify(Object.fromEntries(urls))}\n`)
process.stdin.resume()
process.stdin.on('end', async () => {
  await Promise.all([...running.values()].map(miniflare => miniflare.dispose()))
  process.exit(0)
})
