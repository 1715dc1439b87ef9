import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const page = readFileSync(new URL('../../../docs/explain/cache-guarantees.md', import.meta.url), 'utf8')
const tests = fileURLToPath(new URL('.', import.meta.url))

it('every test that the page of guarantees names exists', () => {
  const sources = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => readFileSync(`${tests}/${file}`, 'utf8'))
    .join('\n')
    .replaceAll('\\u2019', '’')
    .replaceAll(/%s|\$\w+/g, '...')
  // The last column alone: in the others, code is code.
  const named = page
    .split('\n')
    .filter(line => line.startsWith('|'))
    .flatMap(line =>
      [
        ...line
          .split('|')
          .at(-2)!
          .matchAll(/`([^`]+)`/g),
      ].map(match => match[1]!),
    )
  expect(named.length).toBeGreaterThan(15)
  const missing = named.filter(name => !sources.includes(name.replace(/\.\.\.$/, '')))
  expect(missing).toEqual([])
})
