import { describe, expect, it } from 'vitest'
import { edgeWorker } from '../../src/worker/index.ts'

describe('options of the edge worker', () => {
  it('are refused with all that is wrong at once', () => {
    const worker = edgeWorker(() => ({
      origin: 'https://origin.test/path',
      originTimeout: '2m',
      cors: [
        { path: '/a', origins: '*', credentials: true },
        { path: '/b', origins: ['https://app.test/'] },
      ],
      purge: { secrets: ['short'], path: 'purge', window: '1s' },
    }))
    const { code, problems } = problemsOf(() => worker.fetch(new Request('https://shop.test/'), {}, { waitUntil: () => undefined }))
    expect(code).toBe('HF_CONFIG_INVALID')
    expect(problems).toEqual(
      ['origin', 'cors[0].credentials', 'cors[1].origins', 'originTimeout', 'purge.window', 'purge.secrets', 'purge.path'].sort(),
    )
  })

  it('never show a secret that is too short', () => {
    const worker = edgeWorker(() => ({ purge: { secrets: ['hunter2'] } }))
    const { message } = problemsOf(() => worker.fetch(new Request('https://shop.test/'), {}, { waitUntil: () => undefined }))
    expect(message).not.toContain('hunter2')
  })
})

function problemsOf(work: () => unknown): { code: string; message: string; problems: string[] } {
  try {
    work()
  } catch (error) {
    const { code, message, context } = error as { code: string; message: string; context: { problems: { path: string }[] } }
    return { code, message, problems: context.problems.map(({ path }) => path).sort() }
  }
  throw new Error('nothing was refused')
}
