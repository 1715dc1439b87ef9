import { projectFiles, readProjectFile } from './workspace.mjs'

const PAGE = 'docs/reference/metrics.md'
/** A metric is registered by name in the sources: `name: 'holdfast_cache_hits'`, or as a part that is put into one. */
const NAME = /['"`]((?:holdfast|http)_[a-z0-9_]+)['"`]/g

/** Metrics that are registered and not documented, and the other way round. */
export function checkMetrics() {
  const sources = projectFiles(path => /^packages\/(holdfast|load|console)\/src\/.*\.ts$/.test(path)).map(readProjectFile)
  const registered = new Set()
  for (const text of sources) {
    if (!/\.(counter|gauge|histogram)\(/.test(text)) continue
    for (const [, name] of text.matchAll(NAME)) registered.add(name)
  }
  const documented = new Set([...readProjectFile(PAGE).matchAll(/^\| `([a-z0-9_]+)`/gm)].map(([, name]) => name))
  return [
    ...[...registered].filter(name => !documented.has(name)).map(name => `${name} is registered and not in ${PAGE}`),
    ...[...documented].filter(name => !registered.has(name)).map(name => `${name} is in ${PAGE} and registered nowhere`),
  ]
}
