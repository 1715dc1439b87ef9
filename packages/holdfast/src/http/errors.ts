import { defineErrors, type ErrorTable } from '../core/index.ts'

type HttpErrorCode = 'HF_HTTP_CURSOR_INVALID' | 'HF_HTTP_LIMIT_INVALID' | 'HF_HTTP_FIELDS_INVALID' | 'HF_HTTP_RATE_LIMITED'

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
})
