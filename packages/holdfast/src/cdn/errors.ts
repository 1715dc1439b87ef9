import { defineErrors, type ErrorTable } from '../core/index.ts'

type CdnErrorCode = 'HF_HTTP_CDN_AUTH' | 'HF_HTTP_CDN_LIMITED' | 'HF_HTTP_CDN_REJECTED' | 'HF_HTTP_CDN_AWAY' | 'HF_HTTP_CDN_QUEUE_AWAY'

/** Errors of `cdn`. */
export const cdnErrors: ErrorTable<CdnErrorCode> = defineErrors<CdnErrorCode>({
  HF_HTTP_CDN_AUTH: {
    summary: 'The CDN does not accept the credentials, or they may not do this.',
    hint: 'check the token and its rights: Cloudflare Zone.Cache Purge and Analytics Read; Fastly purge_select, purge_all and global:read; AWS cloudfront:CreateInvalidation, cloudwatch:GetMetricData',
    retryable: false,
  },
  HF_HTTP_CDN_LIMITED: {
    summary: 'The CDN takes no more requests for now.',
    hint: 'wait for as long as context.retryAfterMs says; purge by tag instead of by URL',
    retryable: true,
  },
  HF_HTTP_CDN_REJECTED: {
    summary: 'The CDN understood the request and refuses it.',
    hint: 'the message holds what the CDN said; a URL must belong to its zone, service or distribution',
    retryable: false,
  },
  HF_HTTP_CDN_AWAY: {
    summary: 'The API of the CDN cannot be reached, did not answer within 10 s, or failed.',
    hint: 'look at the status page of the CDN; purges of the bus are sent again by themselves',
    retryable: true,
  },
  HF_HTTP_CDN_QUEUE_AWAY: {
    summary: 'Where purges for the CDN are kept (PostgreSQL, or Redis) cannot be used.',
    hint: 'the message says why; for rights on schema holdfast see `holdfast db schema`',
    retryable: true,
    status: 503,
  },
})
