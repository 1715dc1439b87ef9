import type { IncomingMessage } from 'node:http'
import { type Observable, tap } from 'rxjs'
import type { RateLimiter } from '../http/index.ts'
import type { Holdfast } from '../runtime/index.ts'
import { type AnswerRule, answerFields, answerRule, type CachedOptions } from './cached-answer.ts'
import { express, responseCache as expressCache, rateLimit as expressLimit } from './express.ts'
import { type FastifyPlugin, type FastifyRequestLike, fastify, responseCache as fastifyCache, rateLimit as fastifyLimit } from './fastify.ts'
import type { LimitOptions } from './limit-request.ts'

export type { CachedOptions, LimitOptions }

/** The part of a Nest 11 application used here, on Express or on Fastify. */
export interface NestApplicationLike {
  getHttpAdapter(): NestHttpAdapterLike
  use(...handlers: unknown[]): unknown
  useGlobalInterceptors(...interceptors: NestInterceptorLike[]): unknown
}

/** The part of its HTTP adapter used here. */
export interface NestHttpAdapterLike {
  getType(): string
  setHeader(response: unknown, name: string, value: string): unknown
  isHeadersSent(response: unknown): boolean
}

/** The part of an execution context used here. */
export interface NestContextLike {
  getType(): string
  getHandler(): object
  getClass(): object
  switchToHttp(): { getRequest(): unknown; getResponse(): unknown }
}

/** An interceptor, typed by what it uses of Nest. */
export interface NestInterceptorLike {
  intercept<T>(context: NestContextLike, next: { handle(): Observable<T> }): Observable<T>
}

type RuleFor = (request: IncomingMessage) => AnswerRule | undefined

/** By handler, or by controller for all of its handlers. */
const ruleOf = new WeakMap<object, RuleFor>()

/** Puts the response cache and the measuring of requests in front of all of an application: hits are answered before guards, pipes and interceptors. Call it right after
 *  the application was made; what should go out with every answer (CORS, security fields) goes before it. Await it: on Fastify it registers plugins. */
export async function attach(app: NestApplicationLike, hf: Pick<Holdfast, 'requests' | 'responses'>): Promise<void> {
  const adapter = app.getHttpAdapter()
  if (adapter.getType() === 'fastify') {
    const { register } = app as NestApplicationLike & { register(plugin: FastifyPlugin): Promise<unknown> }
    for (const plugin of [fastify(hf), fastifyCache(hf.responses)]) await register.call(app, plugin)
  } else app.use(express(hf), expressCache(hf.responses))
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of Nest, no hook of React
  app.useGlobalInterceptors(storing(adapter))
}

/** Refuses requests beyond a limit with 429 and `application/problem+json`, before guards, pipes and interceptors. All answers say in RateLimit fields what is left. Call it
 *  before {@link attach}, so that hits count too, and await it. `identity` is given the request of node, before anything has looked at it. */
export async function rateLimit(app: NestApplicationLike, limiter: RateLimiter, options: LimitOptions<IncomingMessage> = {}): Promise<void> {
  if (app.getHttpAdapter().getType() !== 'fastify') {
    app.use(expressLimit(limiter, options))
    return
  }
  const { identity, ...rest } = options
  const ofRaw = identity && { identity: ({ raw }: FastifyRequestLike) => identity(raw as IncomingMessage) }
  const { register } = app as NestApplicationLike & { register(plugin: FastifyPlugin): Promise<unknown> }
  await register.call(app, fastifyLimit(limiter, { ...rest, ...ofRaw }))
}

/** Decorator for handlers, or for a controller and so for all handlers of it that have none of their own: their answers may be stored. Without it, an answer says so
 *  itself in `Cache-Control`, as everywhere. A function for `tags` is given the framework's request. Put it below decorators that replace the method.
 *  @throws HF_CONFIG_DURATION when the class is defined */
export function Cached(options: CachedOptions<IncomingMessage>): (target: object, name?: string | symbol, method?: PropertyDescriptor) => void {
  const ruleFor = answerRule(options)
  return (target, _name, method) => {
    ruleOf.set((method?.value as object | undefined) ?? target, ruleFor)
  }
}

/** Says it on the answers of handlers that ended well. */
function storing(adapter: NestHttpAdapterLike): NestInterceptorLike {
  return {
    intercept(context, next) {
      const ruleFor = ruleOf.get(context.getHandler()) ?? ruleOf.get(context.getClass())
      if (ruleFor === undefined || context.getType() !== 'http') return next.handle()
      return next.handle().pipe(
        tap(() => {
          const http = context.switchToHttp()
          const response = http.getResponse()
          const rule = ruleFor(http.getRequest() as IncomingMessage)
          if (rule === undefined || adapter.isHeadersSent(response)) return
          for (const [name, value] of Object.entries(answerFields([rule]))) adapter.setHeader(response, name, value)
        }),
      )
    },
  }
}
