// Starts workers in workerd through miniflare and serves them until standard input ends. Runs on node 22 or newer, as a child of the tests.
// Argument: JSON of { script, sites: [{ name, bindings, kvPersist }] }, `script` being a file. Prints one line: { name: url }.
import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'

const { script, sites } = JSON.parse(process.argv[2])
const running = []
const urls = {}
await Promise.all(
  sites.map(async ({ name, bindings, kvPersist }) => {
    const miniflare = new Miniflare({
      host: '127.0.0.1',
      port: 0,
      modules: true,
      script: readFileSync(script, 'utf8'),
      compatibilityDate: '2026-06-01',
      bindings,
      ...(kvPersist === undefined ? {} : { kvNamespaces: ['PURGES'], kvPersist }),
    })
    running.push(miniflare)
    urls[name] = (await miniflare.ready).origin
  }),
)
process.stdout.write(`${JSON.stringify(urls)}\n`)
process.stdin.resume()
process.stdin.on('end', async () => {
  await Promise.all(running.map(miniflare => miniflare.dispose()))
  process.exit(0)
})
