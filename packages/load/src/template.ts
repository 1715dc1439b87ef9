import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import { createZipf } from './zipf.ts'

/** What a placeholder stands for. */
type Value = string | number | boolean
type Feeds = NonNullable<Scenario['feeds']>

/** Picks the rows of feeds for one request: asked twice for one feed within a request, it gives the same row. */
export interface RowPicker {
  row(feed: string): Readonly<Record<string, Value>>
  /** Forgets the rows; call before each request. */
  nextRequest(): void
}

/** A compiled text. Renders without parsing. */
export type TextTemplate = (rows: RowPicker, random: Random) => string
type ValueTemplate = (rows: RowPicker, random: Random) => unknown

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g
const WHOLE_PLACEHOLDER = /^\{\{\s*([^{}]*?)\s*\}\}$/

/** Draws rows by the seed. */
export function createRowPicker(feeds: Feeds, random: Random): RowPicker {
  const picked = new Map<string, Readonly<Record<string, Value>>>()
  return {
    row(feed) {
      let row = picked.get(feed)
      if (row === undefined) {
        const rows = feeds[feed]!
        row = rows[Math.floor(random() * rows.length)]!
        picked.set(feed, row)
      }
      return row
    },
    nextRequest() {
      if (picked.size > 0) picked.clear()
    },
  }
}

/** Compiles a text. `encode` is applied to what placeholders give, not to the text around them. */
export function compileText(text: string, encode: (value: string) => string = value => value): TextTemplate {
  const parts = text.split(PLACEHOLDER)
  if (parts.length === 1) return () => text
  // Splitting by a pattern with one group gives text, expression, text, expression, ..., text.
  const values = parts.filter((_, i) => i % 2 === 1).map(compileExpression)
  const texts = parts.filter((_, i) => i % 2 === 0)
  return (rows, random) => {
    let result = texts[0]!
    for (let i = 0; i < values.length; i++) result += encode(String(values[i]!(rows, random))) + texts[i + 1]!
    return result
  }
}

/** Compiles a JSON body to the text that is sent. A body without placeholders is rendered once. */
export function compileBody(body: unknown): TextTemplate {
  const fixed = JSON.stringify(body)
  if (!fixed.includes('{{')) return () => fixed
  const template = compileValue(body)
  return (rows, random) => JSON.stringify(template(rows, random))
}

/** What is wrong with the placeholders of a text or of the texts within a value; `undefined` when nothing is. */
export function templateProblem(value: unknown, feeds: Feeds): string | undefined {
  if (typeof value === 'string') {
    for (const [, expression] of value.matchAll(PLACEHOLDER)) {
      const problem = expressionProblem(expression!, feeds)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const inner of Object.values(value)) {
    const problem = templateProblem(inner, feeds)
    if (problem !== undefined) return problem
  }
  return undefined
}

function compileValue(value: unknown): ValueTemplate {
  if (typeof value === 'string') {
    const whole = WHOLE_PLACEHOLDER.exec(value)
    return whole === null ? compileText(value) : compileExpression(whole[1]!)
  }
  if (Array.isArray(value)) {
    const items = value.map(compileValue)
    return (rows, random) => items.map(item => item(rows, random))
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => [key, compileValue(inner)] as const)
    return (rows, random) => Object.fromEntries(entries.map(([key, inner]) => [key, inner(rows, random)]))
  }
  return () => value
}

function compileExpression(expression: string): (rows: RowPicker, random: Random) => Value {
  const [kind, low, high, exponent] = expression.split(':')
  if (kind === 'int') {
    const first = Number(low)
    const count = Number(high) - first + 1
    return (_, random) => first + Math.floor(random() * count)
  }
  if (kind === 'zipf') {
    const first = Number(low)
    const zipf = createZipf(Number(high) - first + 1, Number(exponent ?? 1))
    return (_, random) => first + zipf(random()) - 1
  }
  const [feed, field] = expression.split('.') as [string, string]
  return rows => rows.row(feed)[field]!
}

/** Largest range of `zipf`: its table takes 8 bytes a value. */
const ZIPF_LIMIT = 1_000_000

function expressionProblem(expression: string, feeds: Feeds): string | undefined {
  const [kind, low, high, exponent] = expression.split(':')
  if (kind === 'int' || kind === 'zipf') {
    const count = Number(high) - Number(low) + 1
    if (!(Number.isInteger(Number(low)) && Number.isInteger(Number(high)) && count >= 1)) {
      return `{{${expression}}} needs two whole numbers, the smaller first: {{${kind}:1:500${kind === 'zipf' ? ':0.99' : ''}}}`
    }
    if (kind === 'zipf' && count > ZIPF_LIMIT) return `{{${expression}}} spans ${count} values, the limit is ${ZIPF_LIMIT}`
    if (kind === 'zipf' && exponent !== undefined && !(Number(exponent) >= 0)) return `{{${expression}}}: the exponent is not a number of 0 or more`
    return undefined
  }
  const [feed = '', field] = expression.split('.')
  const rows = Object.hasOwn(feeds, feed) ? feeds[feed]! : undefined
  if (rows === undefined || field === undefined)
    return `{{${expression}}} is neither int, zipf nor a field of a feed (feeds: ${Object.keys(feeds).join(', ') || 'none'})`
  const lacking = rows.findIndex(row => !Object.hasOwn(row, field))
  return lacking === -1 ? undefined : `{{${expression}}}: row ${lacking} of the feed "${feed}" has no "${field}"`
}
