import type { ServerResponse } from 'node:http'

/** Where the events of one client go. */
export interface LiveSink {
  /** False when the client has not read what it was sent before: more than the limit waits for it. */
  write(frame: Uint8Array): boolean
  /** Ends the stream; `isBroken`: at once, without what waits. */
  end(isBroken: boolean): void
}

/** Head of a stream of events. `no-transform`: compression would hold events back. `X-Accel-Buffering` is for nginx. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
} as const

/** A sink over a response of node; its head is sent. */
export function nodeSink(response: ServerResponse, limitBytes: number, onClose: () => void): LiveSink {
  response.writeHead(200, EVENT_STREAM_HEADERS)
  response.flushHeaders()
  response.once('close', onClose)
  return {
    write: frame => {
      response.write(frame)
      return response.writableLength <= limitBytes
    },
    end: isBroken => {
      if (isBroken) response.destroy()
      else response.end()
    },
  }
}

/** A sink and the stream that reads from it. */
export function streamSink(limitBytes: number, onClose: () => void): { readonly sink: LiveSink; readonly body: ReadableStream<Uint8Array> } {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>(
    {
      start: given => {
        controller = given
      },
      cancel: onClose,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: limitBytes }),
  )
  const sink: LiveSink = {
    write: frame => {
      controller.enqueue(frame)
      return (controller.desiredSize ?? 0) >= 0
    },
    end: isBroken => {
      if (isBroken) controller.error(new Error('the client reads too slowly'))
      else controller.close()
    },
  }
  return { sink, body }
}
