import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { Clock } from '../../core/index.ts'
import { type FieldLines, fieldValue } from '../fields/fields.ts'
import type { CacheEngine } from './engine.ts'
import type { EngineRequest } from './engine-contract.ts'
import { markFinal, NodeReply, sendHead } from './node-reply.ts'
import { CONDITIONS } from './validation.ts'

/** How the handler behind the cache is run. */
export interface NodeHandler {
  /** For the request as it came. */
  readonly run: () => void
  /** For another request, in the background. */
  readonly rerun: (request: IncomingMessage, response: ServerResponse) => void
  /** The route that answered (`GET /leads/:id`), by which answers are counted; asked for when the handler has sent its head. Default: the path of the rule. */
  readonly routeOf?: () => string | undefined
}

/** Fields in which the request that the handler sees may differ from the one that came. */
const CHANGED: readonly string[] = [...CONDITIONS, 'accept-encoding', 'accept']

/** Requests that the cache makes itself: they go to the handler, also where they pass the cache again on their way. */
const background = new WeakSet<IncomingMessage>()

/** True for a request that the cache made to fetch something anew. */
export function isOwnRequest(request: IncomingMessage): boolean {
  return background.has(request)
}

/** What the node face needs besides the engine. */
export interface NodeFaceDeps {
  readonly clock: Clock
  /** A request that got no whole answer: its handler broke off, or something here failed. */
  onBroken(error: unknown): void
}

/** Answers a request of node through the engine. Never rejects: what fails before an answer was begun ends the connection. */
export async function handleNode(
  engine: CacheEngine<NodeReply>,
  prepared: EngineRequest,
  request: IncomingMessage,
  response: ServerResponse,
  handler: NodeHandler,
  { clock, onBroken }: NodeFaceDeps,
): Promise<void> {
  let reply: NodeReply | undefined
  try {
    const result = await engine.handle(prepared, async (lines, inBackground) => {
      if (inBackground) return rerun(request, lines, handler, clock)
      reply = new NodeReply(response, clock)
      setConditions(request, lines)
      handler.run()
      await reply.head
      return reply
    })
    if (result.kind === 'passed') {
      result.reply.pass(result.lines)
      return
    }
    reply?.restore()
    const { status, lines, body } = result.answer
    if (response.headersSent || response.destroyed) return
    markFinal(response)
    sendHead(response, status, lines)
    response.end(body)
  } catch (error) {
    onBroken(error)
    reply?.restore()
    // The handler gave its answer up half way, so a whole one must not be made of it.
    response.destroy()
  }
}

/** Answers at once when a fresh response is at hand. */
export function answerFromMemory<Reply extends NodeReply>(engine: CacheEngine<Reply>, prepared: EngineRequest, response: ServerResponse): boolean {
  const answer = engine.peek(prepared)
  if (answer === undefined) return false
  markFinal(response)
  sendHead(response, answer.status, answer.lines)
  response.end(answer.body)
  return true
}

async function rerun(request: IncomingMessage, lines: FieldLines, handler: NodeHandler, clock: Clock): Promise<NodeReply> {
  const again = new IncomingMessage(request.socket)
  again.method = 'GET'
  again.url = (request as IncomingMessage & { originalUrl?: string }).originalUrl ?? request.url ?? '/'
  again.httpVersion = request.httpVersion
  again.headers = { ...request.headers }
  setConditions(again, lines)
  again.push(null)
  background.add(again)
  const response = new ServerResponse(again)
  // Never written to: what the handler sends is held by the reply.
  response.assignSocket(new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }) as never)
  const reply = new NodeReply(response, clock)
  handler.rerun(again, response)
  await reply.head
  return reply
}

/** Makes the request conditional, or whole, as `lines` have it. All other fields stay as node has read them, which knows of which field the first line counts. */
function setConditions(request: IncomingMessage, lines: FieldLines): void {
  if (lines === request.rawHeaders) return
  for (const name of CHANGED) {
    const value = fieldValue(lines, name)
    if (value === undefined) delete request.headers[name]
    else request.headers[name] = value
  }
  request.rawHeaders = [...lines]
}
