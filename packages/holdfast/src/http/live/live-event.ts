import { httpErrors } from '../errors.ts'

/** One event as it goes between processes. */
export interface LiveEvent {
  /** The same in every process, so that a client can go on elsewhere. */
  readonly id: string
  readonly channel: string
  /** Name of the event for the page. */
  readonly event: string
  /** JSON. */
  readonly data: string
}

/** Longest data of one event. What is larger is better read by the client, once it is told that it is there. */
export const LONGEST_DATA = 65_536
const EVENT_NAME = /^[\w.:-]{1,64}$/
const CHANNEL_NAME = /^[^\s\p{Cc}]{1,200}$/u

/** @throws HF_HTTP_LIVE_INVALID */
export function checkChannel(channel: string): string {
  if (typeof channel !== 'string' || !CHANNEL_NAME.test(channel)) {
    throw httpErrors.create(
      'HF_HTTP_LIVE_INVALID',
      `${JSON.stringify(channel)?.slice(0, 60)} is no name of a channel: 1 to 200 characters without white space`,
    )
  }
  return channel
}

/** Makes an event. @throws HF_HTTP_LIVE_INVALID */
export function createLiveEvent(id: string, channel: string, event: string, value: unknown): LiveEvent {
  checkChannel(channel)
  if (!EVENT_NAME.test(event)) {
    throw httpErrors.create(
      'HF_HTTP_LIVE_INVALID',
      `${JSON.stringify(event)?.slice(0, 80)} is no name of an event: 1 to 64 letters, digits, _ . : or -`,
    )
  }
  const data: string | undefined = JSON.stringify(value)
  if (data === undefined || data.length > LONGEST_DATA) {
    throw httpErrors.create('HF_HTTP_LIVE_INVALID', `the data of ${event} is ${data?.length ?? 'no'} characters of JSON (limit ${LONGEST_DATA})`)
  }
  return { id, channel, event, data }
}

/** The event as bytes of `text/event-stream`. JSON has no line break, so its data is one line. */
export function frameOf({ id, event, data }: Omit<LiveEvent, 'channel' | 'id'> & { readonly id?: string }): Buffer {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`)
}

/** What another process sent; `undefined` when it is none of ours. */
export function parseLiveEvent(message: string): LiveEvent | undefined {
  try {
    const parsed: unknown = JSON.parse(message)
    if (!Array.isArray(parsed) || parsed.length !== 4 || !parsed.every(part => typeof part === 'string')) return undefined
    const [id, channel, event, data] = parsed as [string, string, string, string]
    return /^[\w-]{1,64}$/.test(id) && EVENT_NAME.test(event) && !/[\r\n]/.test(data) ? { id, channel, event, data } : undefined
  } catch {
    return undefined
  }
}

/** The other way. */
export function formatLiveEvent({ id, channel, event, data }: LiveEvent): string {
  return JSON.stringify([id, channel, event, data])
}
