/** The members of `pg`'s Submittable (Query, Cursor, QueryStream, COPY streams) by which the driver tells it what arrives. */
interface Submittable {
  handleDataRow?: Handler
  handleCommandComplete?: Handler
  handleReadyForQuery?: Handler
  handleError?: Handler
}
type Handler = (this: unknown, ...args: unknown[]) => unknown
type HandlerName = keyof Submittable

/** True for an object that sends itself, as cursors and streams do. */
export function isSubmittable(config: unknown): config is object {
  return typeof (config as { submit?: unknown }).submit === 'function'
}

/** Text of the statement that a Submittable sends; cursors and COPY streams of the `pg` family all have it in `text`. */
export function submittableText(target: object): string {
  const { text, cursor } = target as { text?: unknown; cursor?: { text?: unknown } }
  if (typeof text === 'string') return text
  return typeof cursor?.text === 'string' ? cursor.text : '(statement of a custom query class)'
}

/** Calls `onEnd` once, when the server has finished with `target` or it failed. Until then four of its methods are covered by properties of the same
 *  name; afterwards it is as it was. A callback set on it is not touched, because setting one makes `pg` keep all rows. */
export function watchSubmittable(target: object, onEnd: (error: unknown, rowCount: number) => void): void {
  const submittable = target as Submittable
  const restores: (() => void)[] = []
  let rowCount = 0
  let ended = false
  const end = (error: unknown): void => {
    if (ended) return
    ended = true
    for (const restore of restores) restore()
    onEnd(error, rowCount)
  }
  const cover = (name: HandlerName, before: (message: unknown) => void): void => {
    const original = submittable[name]
    if (typeof original !== 'function') return
    const own = Object.getOwnPropertyDescriptor(submittable, name)
    const covered: Handler = function (...args) {
      before(args[0])
      return original.apply(this, args)
    }
    Object.defineProperty(submittable, name, { value: covered, configurable: true, writable: true, enumerable: own?.enumerable ?? false })
    restores.push(() => {
      // Somebody who covered it after us keeps their cover.
      if (submittable[name] !== covered) return
      if (own === undefined) delete submittable[name]
      else Object.defineProperty(submittable, name, own)
    })
  }
  let dataRows = 0
  cover('handleDataRow', () => {
    dataRows++
    if (dataRows > rowCount) rowCount = dataRows
  })
  // The tag counts the last portion of a cursor only, and is all there is for INSERT and COPY: the larger of the two is right.
  cover('handleCommandComplete', message => {
    rowCount = Math.max(rowCount, tagRowCount(message))
  })
  cover('handleReadyForQuery', () => end(undefined))
  cover('handleError', error => end(error ?? new Error('failed without a reason')))
}

/** Rows in a command tag: `SELECT 5`, `INSERT 0 3`, `COPY 7`. */
function tagRowCount(message: unknown): number {
  const text = (message as { text?: unknown } | undefined)?.text
  const count = typeof text === 'string' ? Number(text.slice(text.lastIndexOf(' ') + 1)) : 0
  return Number.isFinite(count) ? count : 0
}
