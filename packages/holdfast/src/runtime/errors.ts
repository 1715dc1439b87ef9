import { defineErrors, type ErrorTable } from '../core/index.ts'

type RuntimeErrorCode = 'HF_CONFIG_NO_POSTGRES' | 'HF_CONFIG_NO_CDN'

/** Errors of `runtime`. */
export const runtimeErrors: ErrorTable<RuntimeErrorCode> = defineErrors<RuntimeErrorCode>({
  HF_CONFIG_NO_POSTGRES: {
    summary: '`hf.pg` was used, but `holdfast()` was given no pool.',
    hint: 'pass your pool: holdfast({ pg: new Pool(...) })',
    retryable: false,
  },
  HF_CONFIG_NO_CDN: {
    summary: '`hf.cdn` was used, but `holdfast()` was given no CDN.',
    hint: 'pass one: holdfast({ cdn: { providers: [cloudflare({ zone, token })] } })',
    retryable: false,
  },
})
