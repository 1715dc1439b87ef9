import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectFiles, readProjectFile, root } from './workspace.mjs'

/** Relative links in Markdown files that lead nowhere, and pages of docs that its index does not name. */
export function checkLinks() {
  const index = readProjectFile('docs/README.md')
  const problems = projectFiles(path => /^docs\/(guides|explain|reference)\/.*\.md$/.test(path))
    .filter(page => !index.includes(`](${page.slice('docs/'.length)})`))
    .map(page => `docs/README.md does not link to ${page}`)
  for (const page of projectFiles(path => path.endsWith('.md'))) {
    for (const [, target] of readProjectFile(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      if (!existsSync(join(root, dirname(page), target))) problems.push(`${page} links to ${target}, which is not there`)
    }
  }
  return problems
}
