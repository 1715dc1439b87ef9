// Writes docs/reference/rest-api.md from the OpenAPI document of the console, as built: node scripts/render-rest-page.mjs
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root } from './workspace.mjs'

/** The page as Markdown. */
export function renderRestPage({ paths }) {
  const lines = [
    '# REST',
    '',
    'Addresses of the [console](../guides/console.md), relative to its mount. The same as an OpenAPI 3.1 document: `GET api/openapi.json`. A test compares both with what is served;',
    'this page is generated (`node scripts/render-rest-page.mjs`).',
    '',
    'Send `Authorization: Bearer <token>`. Changes are JSON; from a browser they also want the header `x-holdfast-csrf: 1` and the same origin. Refusals are',
    '`application/problem+json` with `code`, `detail` and `hint` ([all codes](errors.md)); their status is 400, 401, 403, 404, 409, 500 or 503. Numbers that were not measured are `null`.',
    '',
  ]
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) lines.push(...section(method, path, operation), '')
  }
  return lines.join('\n')
}

function section(method, path, operation) {
  const lines = [`## ${method.toUpperCase()} ${path.slice(1)}`, '', `${sentence(operation.summary)} Role: ${operation['x-holdfast-role']}.`]
  const query = operation.parameters.filter(parameter => parameter.in === 'query')
  if (query.length > 0)
    lines.push('', ...query.map(({ name, required, description }) => `- \`?${name}=\`${required ? ' (required)' : ''}: ${description}`))
  const { properties = {}, required = [] } = operation.requestBody?.content['application/json'].schema ?? {}
  const body = Object.entries(properties)
  if (body.length > 0) lines.push('', 'Body:', '', ...body.map(([name, property]) => bodyLine(name, property, required.includes(name))))
  const answer = operation.responses[200]
  if (answer === undefined) lines.push('', 'Answer: 204 without a body.')
  else lines.push('', answerLine(answer))
  lines.push('', `${operation.responses.default.description.replaceAll(/HF_\w+/g, '`$&`')}.`)
  return lines
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`
}

function bodyLine(name, { type, description }, isRequired) {
  return `- \`${name}\` (${type}${isRequired ? ', required' : ''}): ${description}`
}

function answerLine({ content }) {
  const [[kind, { schema }]] = Object.entries(content)
  const named = schema.properties.schema?.const
  const names = Object.keys(schema.properties).filter(name => name !== 'schema')
  return `Answer: ${kind === 'application/json' ? '' : `${kind}, each event `}${named === undefined ? '' : `\`${named}\` with `}${names.map(name => `\`${name}\``).join(', ')}.`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { openApiDocument } = await import(pathToFileURL(join(root, 'packages/console/dist/api/openapi.js')).href)
  writeFileSync(join(root, 'docs/reference/rest-api.md'), renderRestPage(openApiDocument()))
}
