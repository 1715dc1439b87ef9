import { describe, expect, it } from 'vitest'
import { readEnvironment } from '../src/environment.ts'

const DATABASE_URL = 'postgres://leads:secret@127.0.0.1/leads'

describe('the environment', () => {
  it('needs nothing but the database', () => {
    expect(readEnvironment({ DATABASE_URL })).toEqual({
      port: 3000,
      databaseUrl: DATABASE_URL,
      redisUrl: undefined,
      jobsRedisUrl: undefined,
      workers: 'inside',
      cacheNamespace: 'leads',
      mode: 'cache',
      poolMax: 10,
      instanceToken: undefined,
      exitWithParent: false,
      requestsPerMinute: 30_000,
      cursorSecret: undefined,
      liveToken: undefined,
    })
  })

  it('takes an empty value for an absent one, as Compose and CI write it', () => {
    expect(readEnvironment({ DATABASE_URL, REDIS_URL: '', PORT: '', HOLDFAST_INSTANCE_TOKEN: '' })).toMatchObject({
      redisUrl: undefined,
      port: 3000,
      instanceToken: undefined,
    })
  })

  it('names everything that is wrong at once', () => {
    const read = (): unknown =>
      readEnvironment({
        DATABASE_URL: 'mysql://x',
        REDIS_URL: 'localhost',
        PORT: '70000',
        LEADS_MODE: 'fast',
        LEADS_POOL_MAX: '1.5',
        LEADS_WORKERS: 'away',
      })
    expect(read).toThrow(
      expect.objectContaining({
        code: 'LEADS_BAD_ENVIRONMENT',
        exitCode: 2,
        message: expect.stringMatching(/DATABASE_URL.*LEADS_MODE.*LEADS_WORKERS.*PORT.*REDIS_URL.*LEADS_POOL_MAX/),
      }),
    )
  })

  it('never repeats a URL, for it may hold a password', () => {
    expect(() => readEnvironment({ DATABASE_URL: 'mysql://leads:secret@host/leads' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
