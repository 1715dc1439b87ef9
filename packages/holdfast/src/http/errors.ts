import { defineErrors, type ErrorTable } from '../core/index.ts'

type HttpErrorCode =
  | 'HF_HTTP_CURSOR_INVALID'
  | 'HF_HTTP_LIMIT_INVALID'
  | 'HF_HTTP_FIELDS_INVALID'
  | 'HF_HTTP_RATE_LIMITED'
  | 'HF_HTTP_ASSETS_ORDER'
  | 'HF_HTTP_LIVE_FORBIDDEN'
  | 'HF_HTTP_LIVE_FULL'
  | 'HF_HTTP_LIVE_INVALID'

/** Errors of `http`. */
export const httpErrors: ErrorTable<HttpErrorCode> = defineErrors<HttpErrorCode>({
  HF_HTTP_CURSOR_INVALID: {
    summary: 'A page cursor was changed, is for another list, or was signed with a key that is no longer known.',
    hint: 'answer 400 and let the client begin at the first page',
    retryable: false,
    status: 400,
  },
  HF_HTTP_LIMIT_INVALID: {
    summary: 'A page size is not a whole number from 1 to the most allowed.',
    hint: 'answer 400 with the limit from the message',
    retryable: false,
    status: 400,
  },
  HF_HTTP_FIELDS_INVALID: {
    summary: 'A selection of fields names one that there is not, none, or too many.',
    hint: 'answer 400 with the fields from the message',
    retryable: false,
    status: 400,
  },
  HF_HTTP_RATE_LIMITED: {
    summary: 'Somebody has sent more requests than a rate limit allows.',
    hint: 'ask again after the seconds in Retry-After',
    retryable: true,
    status: 429,
  },
  HF_HTTP_ASSETS_ORDER: {
    summary:
      'Rules for assets stand before the response cache, which stores its answers before they have said how long. Logged once; requests are answered.',
    hint: 'mount `assets` after `responseCache`',
    retryable: false,
  },
  HF_HTTP_LIVE_FORBIDDEN: {
    summary: 'A client asked for live updates that `authorize` does not grant it.',
    hint: 'let `authorize` return true for those who may listen; what it throws refuses too',
    retryable: false,
    status: 403,
  },
  HF_HTTP_LIVE_FULL: {
    summary: 'As many clients as are allowed receive live updates of this process, or it is being stopped.',
    hint: 'raise `maxClients`, or run more processes; the client comes back by itself',
    retryable: true,
  },
  HF_HTTP_LIVE_INVALID: {
    summary: 'The name of a channel or an event of live updates is not valid, or the data of an event is no JSON or longer than 65,536 characters.',
    hint: 'send the id of what changed, and let the client read it',
    retryable: false,
  },
})
