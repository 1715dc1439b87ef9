import { defineErrors, type ErrorTable } from 'holdfast/core'

type ConsoleErrorCode =
  | 'HF_CONSOLE_UNAUTHORIZED'
  | 'HF_CONSOLE_FORBIDDEN'
  | 'HF_CONSOLE_CSRF'
  | 'HF_CONSOLE_HOST'
  | 'HF_CONSOLE_BODY'
  | 'HF_CONSOLE_CONFIRMATION'
  | 'HF_CONSOLE_NOT_FOUND'
  | 'HF_CONSOLE_METHOD'
  | 'HF_CONSOLE_NO_ADVISOR'
  | 'HF_CONSOLE_NO_CACHE'
  | 'HF_CONSOLE_NO_CDN'
  | 'HF_CONSOLE_NO_DATABASE'
  | 'HF_CONSOLE_NO_JOBS'
  | 'HF_CONSOLE_BUSY'
  | 'HF_CONSOLE_TOO_MANY_CLIENTS'
  | 'HF_CONSOLE_INTERNAL'
  | 'HF_CONSOLE_AUTH_REQUIRED'
  | 'HF_CONSOLE_OPEN_BIND'
  | 'HF_CONSOLE_PORT_TAKEN'
  | 'HF_CONSOLE_SOURCE'

/** Errors of the console. */
export const consoleErrors: ErrorTable<ConsoleErrorCode> = defineErrors<ConsoleErrorCode>({
  HF_CONSOLE_UNAUTHORIZED: {
    summary: 'The request carries no valid credential.',
    hint: 'open the URL with ?t= that was printed at the start, or send the token as `Authorization: Bearer`',
    retryable: false,
    status: 401,
  },
  HF_CONSOLE_FORBIDDEN: {
    summary: 'The role of the caller does not allow this.',
    hint: 'ask somebody with the role operate or admin',
    retryable: false,
    status: 403,
  },
  HF_CONSOLE_CSRF: {
    summary: 'A changing request did not prove that it comes from the console page itself.',
    hint: 'send it from the same origin as JSON with the header `x-holdfast-csrf: 1`',
    retryable: false,
    status: 403,
  },
  HF_CONSOLE_HOST: {
    summary: 'A console that is protected by a token alone was asked from elsewhere, or under a foreign host name.',
    hint: 'use http://127.0.0.1 or http://localhost on the same machine, or configure auth of kind basic or custom',
    retryable: false,
    status: 403,
  },
  HF_CONSOLE_BODY: {
    summary: 'The body of the request is not what this address takes.',
    hint: 'send the JSON that docs/guides/console.md names, at most 64 kB',
    retryable: false,
    status: 400,
  },
  HF_CONSOLE_CONFIRMATION: {
    summary: 'The action was not confirmed by typing the text that it asks for.',
    hint: 'send the id of the finding as `confirmation`',
    retryable: false,
    status: 400,
  },
  HF_CONSOLE_METHOD: {
    summary: 'This address does not answer this method; the field Allow names those that it does.',
    hint: 'use the method that docs/reference/rest-api.md gives for the address',
    retryable: false,
    status: 405,
  },
  HF_CONSOLE_NOT_FOUND: {
    summary: 'There is nothing at this address.',
    hint: 'the addresses are listed in docs/guides/console.md',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_NO_ADVISOR: {
    summary: 'This console was created without an advisor, so it has no findings.',
    hint: 'pass `advisor: createAdvisor(...)` from holdfast/postgres to the console',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_NO_CACHE: {
    summary: 'This console was created without a cache, so it can neither look into one nor drop from it.',
    hint: 'pass `cache: hf.cache` to the console, or set REDIS_URL for `holdfast console`',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_NO_CDN: {
    summary: 'This console was created without a CDN, so it shows only what the instances measure of purges.',
    hint: 'pass `cdn: hf.cdn` to the console, or name one in the environment of `holdfast console`; `dashboard(hf)` does so',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_NO_DATABASE: {
    summary: 'This console was created without a connection to the database, so it shows only what the instances measure.',
    hint: 'pass `database: { connect }` to the console; `dashboard(hf)` and `holdfast console` do so',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_NO_JOBS: {
    summary: 'This console was created without a way to the queues of jobs, so it shows only what the instances measure.',
    hint: 'pass `jobs: hf.jobs.store` to the console, or set REDIS_JOBS_URL for `holdfast console`',
    retryable: false,
    status: 404,
  },
  HF_CONSOLE_BUSY: {
    summary: 'Another action of the same kind is still running.',
    hint: 'wait until it is finished; the page shows it',
    retryable: true,
    status: 409,
  },
  HF_CONSOLE_TOO_MANY_CLIENTS: {
    summary: 'As many pages as allowed are receiving live updates.',
    hint: 'close a page, or read api/overview instead of api/live',
    retryable: true,
    status: 503,
  },
  HF_CONSOLE_INTERNAL: {
    summary: 'The console failed in a way that it does not know.',
    hint: 'the log of the console holds the cause; please report it',
    retryable: false,
  },
  HF_CONSOLE_AUTH_REQUIRED: {
    summary: 'A dashboard was mounted in production without auth.',
    hint: "pass `auth: { kind: 'custom', verify }` to dashboard(), or mount it in development only",
    retryable: false,
  },
  HF_CONSOLE_OPEN_BIND: {
    summary: 'A console that is protected by a token alone was to listen beyond loopback.',
    hint: "listen on 127.0.0.1, or configure auth of kind 'basic' or 'custom'",
    retryable: false,
  },
  HF_CONSOLE_PORT_TAKEN: {
    summary: 'The port of the console is in use.',
    hint: 'choose another port, or 0 for any free one',
    retryable: true,
  },
  HF_CONSOLE_SOURCE: {
    summary: 'What the console reads, an instance or the findings in the database, did not answer in time or not with what was expected.',
    hint: 'check its address and token, and that it runs the same version of Holdfast',
    retryable: true,
    status: 503,
  },
})
