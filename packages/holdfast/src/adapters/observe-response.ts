import type { ServerResponse } from 'node:http'
import { runInRequestScope } from '../core/index.ts'
import type { RequestMonitor } from '../http/index.ts'

/** Measures a request of node from here to the close of its response: `Server-Timing` goes out with the head, and the route is asked for at the end, when the
 *  router knows it; an answer from the response cache says the route that it came from. */
export function observeResponse(requests: RequestMonitor, response: ServerResponse, routeOf: () => string | undefined, next: () => void): void {
  const observation = requests.begin()
  const writeHead = response.writeHead
  // The header must be known when the headers are sent, and Node offers no event for that moment.
  response.writeHead = function (this: ServerResponse, ...args: Parameters<typeof writeHead>) {
    response.writeHead = writeHead
    if (!response.headersSent) response.appendHeader('Server-Timing', observation.serverTiming())
    return writeHead.apply(this, args)
  } as typeof writeHead
  response.once('close', () => observation.end(routeOf() ?? observation.scope.route ?? `${response.req.method} (no route)`, response.statusCode))
  runInRequestScope(observation.scope, next)
}
