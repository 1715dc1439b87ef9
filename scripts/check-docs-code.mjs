import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFiles, readProjectFile, root } from './workspace.mjs'

/** Compiles every TypeScript fence of every Markdown file as a module of its own, against the published names. Names that a page uses without
 *  declaring them come from docs/fence-globals.d.ts. */
export function checkDocsCode() {
  const folder = join(root, 'docs', '.fences')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const origins = new Map()
  for (const page of projectFiles(path => path.endsWith('.md'))) {
    for (const { line, code } of fences(readProjectFile(page))) {
      const file = `${page.replaceAll(/[^a-zA-Z0-9]+/g, '-')}-${line}.ts`
      writeFileSync(join(folder, file), code.includes('export ') || code.includes('import ') ? code : `${code}\nexport {}\n`)
      origins.set(file, { page, line })
    }
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.base.json',
      include: ['*.ts', '../fence-globals.d.ts'],
      compilerOptions: {
        composite: false,
        noEmit: true,
        declaration: false,
        declarationMap: false,
        isolatedDeclarations: false,
        rewriteRelativeImportExtensions: false,
        customConditions: [],
        noUnusedLocals: false,
        // As users of NestJS have it.
        experimentalDecorators: true,
      },
    }),
  )
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], { cwd: root, encoding: 'utf8' })
  rmSync(folder, { recursive: true, force: true })
  if (origins.size === 0) return ['no TypeScript fence was found: the docs have lost their examples']
  return status === 0
    ? []
    : stdout
        .trim()
        .split('\n')
        .map(problem => place(problem, origins))
}

function* fences(text) {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    if (!/^```(ts|typescript)\b/.test(lines[i])) continue
    const start = i + 1
    while (i + 1 < lines.length && lines[i + 1] !== '```') i++
    yield { line: start + 1, code: lines.slice(start, i + 1).join('\n') }
  }
}

function place(problem, origins) {
  return problem.replace(/^.*?([\w-]+\.ts)\((\d+),/, (whole, file, line) => {
    const origin = origins.get(file)
    return origin === undefined ? whole : `${origin.page}(${origin.line + Number(line) - 1},`
  })
}
