import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectFiles, readProjectFile, root } from './workspace.mjs'

/** Relative links in Markdown files that lead nowhere. */
export function checkLinks() {
  const problems = []
  for (const page of projectFiles(path => path.endsWith('.md'))) {
    for (const [, target] of readProjectFile(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      if (!existsSync(join(root, dirname(page), target))) problems.push(`${page} links to ${target}, which is not there`)
    }
  }
  return problems
}
