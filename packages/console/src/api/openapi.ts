import type { DocType, RouteDoc } from './route-doc.ts'
import { ROUTE_DOCS } from './route-docs.ts'

/** Refusals that every address may answer with; those of changes beside. */
const EVERYWHERE = ['HF_CONSOLE_UNAUTHORIZED', 'HF_CONSOLE_HOST', 'HF_CONSOLE_INTERNAL'] as const
const OF_CHANGES = ['HF_CONSOLE_FORBIDDEN', 'HF_CONSOLE_CSRF', 'HF_CONSOLE_BODY'] as const

/** The OpenAPI 3.1 document of the console. Its addresses are relative to the mount, as the server's URL says. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of ROUTE_DOCS) {
    const path = `/${route.path.replaceAll(/:(\w+)/g, '{$1}')}`
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast console',
      version: '1',
      description: 'Facts, findings and actions of one service. Refusals are problem documents (RFC 9457).',
    },
    servers: [{ url: '..', description: 'the mount of the console, seen from api/openapi.json' }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Problem: {
          type: 'object',
          required: ['type', 'title', 'status', 'code', 'detail', 'hint'],
          properties: {
            ...Object.fromEntries(['type', 'title', 'code', 'detail', 'hint'].map(name => [name, { type: 'string' }])),
            status: { type: 'integer' },
          },
        },
      },
    },
  }
}

function operation(route: RouteDoc): object {
  const { method, summary, role, answer, refusals } = route
  const codes = [...EVERYWHERE, ...(method === 'post' ? OF_CHANGES : []), ...refusals]
  return {
    summary,
    description: `Needs the role ${role}.${method === 'post' ? ' From a browser with the header x-holdfast-csrf: 1.' : ''}`,
    security: [{ bearer: [] }],
    'x-holdfast-role': role,
    parameters: parameters(route),
    ...(method === 'post' ? { requestBody: requestBody(route) } : {}),
    responses: {
      ...(answer === undefined ? { 204: { description: 'done' } } : { 200: { description: summary, content: content(answer) } }),
      default: {
        description: `Refusals: ${[...new Set(codes)].join(', ')}`,
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function parameters({ path, query = [] }: RouteDoc): object[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  return [...inPath, ...query.map(([name, required, description]) => ({ name, in: 'query', required, description, schema: { type: 'string' } }))]
}

function requestBody({ body = [] }: RouteDoc): object {
  const properties = Object.fromEntries(body.map(([name, type, , description]) => [name, { ...jsonType(type), description }]))
  const required = body.filter(([, , isRequired]) => isRequired).map(([name]) => name)
  return {
    required: required.length > 0,
    content: { 'application/json': { schema: { type: 'object', properties, ...(required.length > 0 ? { required } : {}) } } },
  }
}

function content({ schema, kind, properties }: NonNullable<RouteDoc['answer']>): object {
  const described = Object.fromEntries(Object.entries(properties).map(([name, type]) => [name, jsonType(type)]))
  const constant = schema === undefined ? {} : { schema: { type: 'string', const: schema } }
  const whole = { type: 'object', required: Object.keys(properties), properties: { ...described, ...constant } }
  return { [kind === 'events' ? 'text/event-stream' : 'application/json']: { schema: whole } }
}

function jsonType(type: DocType): object {
  return type.endsWith('?') ? { type: [type.slice(0, -1), 'null'] } : { type }
}
