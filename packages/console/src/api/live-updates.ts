import { type Clock, type ClockTimer, createLifecycle, type Lifecycle } from 'holdfast/core'
import { consoleErrors } from '../errors.ts'

/** Pages that may receive live updates at a time. */
export const CLIENT_LIMIT = 50
/** Updates that may wait for a slow page before it is dropped; it comes back by itself and starts with the newest. */
export const UNREAD_LIMIT = 5
/** A comment after this long without an update keeps proxies from closing the connection. */
const HEARTBEAT_MS = 15_000

/** Server-sent events for any number of pages up to the limit. */
export interface LiveUpdates extends Lifecycle {
  /** A stream that starts with an update at once.
   *  @throws HF_CONSOLE_TOO_MANY_CLIENTS */
  open(windowSec: number): Response
  /** Sends an update to everybody. */
  publish(): void
  clientCount(): number
}

/** What the updates are made from. */
export interface LiveUpdatesDeps {
  readonly clock: Clock
  /** The overview of a window as JSON, with its time. Called once for each window and update. */
  readonly render: (windowSec: number) => { readonly atMs: number; readonly json: string }
}

interface Client {
  readonly windowSec: number
  readonly controller: ReadableStreamDefaultController<Uint8Array>
}

/** No pages yet. */
export function createLiveUpdates({ clock, render }: LiveUpdatesDeps): LiveUpdates {
  const clients = new Set<Client>()
  const encoder = new TextEncoder()
  let heartbeat: ClockTimer | undefined
  let stopped = false

  const drop = (client: Client): void => {
    if (!clients.delete(client)) return
    client.controller.close()
  }

  const send = (client: Client, frame: Uint8Array): void => {
    if ((client.controller.desiredSize ?? 0) <= 0) drop(client)
    else client.controller.enqueue(frame)
  }

  const frameOf = (windowSec: number): Uint8Array => {
    const { atMs, json } = render(windowSec)
    return encoder.encode(`event: overview\nid: ${atMs}\ndata: ${json}\n\n`)
  }

  const armHeartbeat = (): void => {
    heartbeat?.cancel()
    heartbeat = clock.after(HEARTBEAT_MS, () => {
      for (const client of clients) send(client, encoder.encode(': still here\n\n'))
      armHeartbeat()
    })
  }

  const open = (windowSec: number): Response => {
    if (stopped || clients.size >= CLIENT_LIMIT) {
      throw consoleErrors.create('HF_CONSOLE_TOO_MANY_CLIENTS', `${clients.size} pages receive live updates (limit ${CLIENT_LIMIT})`)
    }
    let client: Client
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          client = { windowSec, controller }
          // One frame, so that the first update cannot be held back behind the settings.
          const settings = encoder.encode('retry: 1000\n\n')
          controller.enqueue(Buffer.concat([settings, frameOf(windowSec)]))
          clients.add(client)
        },
        cancel() {
          clients.delete(client)
        },
      },
      { highWaterMark: UNREAD_LIMIT },
    )
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      // no-transform: compression middleware would hold events back until its buffer is full.
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    }
    return new Response(body, { headers })
  }

  return {
    ...createLifecycle({
      name: 'console live updates',
      clock,
      start: async () => armHeartbeat(),
      stop: async () => {
        stopped = true
        heartbeat?.cancel()
        for (const client of [...clients]) drop(client)
      },
    }),
    open,
    publish() {
      const frames = new Map<number, Uint8Array>()
      for (const client of [...clients]) {
        const frame = frames.get(client.windowSec) ?? frameOf(client.windowSec)
        frames.set(client.windowSec, frame)
        send(client, frame)
      }
      if (clients.size > 0) armHeartbeat()
    },
    clientCount: () => clients.size,
  }
}
