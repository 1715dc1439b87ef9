import { describe, expect, it } from 'vitest'
import { parsePostgresMajor } from '../src/postgres/binaries.ts'
import { describeUrl, parseServerVersion } from '../src/postgres/probe.ts'
import { reasonIn } from '../src/private-copy.ts'
import { parseStat } from '../src/process-identity.ts'
import { parseInfo } from '../src/redis/probe.ts'
import { redisConfig } from '../src/redis/server.ts'

describe('PostgreSQL', () => {
  it('tells the major version from the program and the full one from the server', () => {
    expect(parsePostgresMajor('postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n')).toBe(15)
    expect(parsePostgresMajor('postgres: not found')).toBeUndefined()
    expect(parseServerVersion('15.14 (Debian 15.14-0+deb12u1)')).toBe('15.14')
    expect(parseServerVersion('18.4')).toBe('18.4')
  })

  it('describes a connection string without its password', () => {
    expect(describeUrl('postgres://app:secret@db.example:5433/shop')).toBe('db.example:5433/shop')
    expect(describeUrl('secret')).toBe('not a URL')
    expect(describeUrl('app:secret@db.example/shop')).toBe('not a URL')
    expect(describeUrl('postgres://app:a/secret@db.example/shop')).toBe('not a URL')
    expect(describeUrl('postgres:///shop')).toBe('no host/shop')
  })
})

describe('Redis', () => {
  it('tells Valkey from Redis, although Valkey reports a Redis version too', () => {
    expect(parseInfo('# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n')).toEqual({
      version: '8.1.1',
      flavour: 'valkey',
    })
    expect(parseInfo('# Server\r\nredis_version:7.0.15\r\n')).toEqual({ version: '7.0.15', flavour: 'redis' })
  })

  it('never evicts from the instance for jobs and saves nothing in either', () => {
    const jobs = redisConfig('jobs', 7001, 'pw', '/tmp/a folder')
    expect(jobs).toContain('maxmemory-policy noeviction\n')
    expect(jobs).not.toContain('maxmemory 64mb')
    expect(jobs).toContain('dir "/tmp/a folder"\n')
    const cache = redisConfig('cache', 7002, 'pw', '/tmp')
    expect(cache).toContain('maxmemory 64mb\nmaxmemory-policy allkeys-lfu\n')
    for (const config of [jobs, cache]) {
      expect(config.split('\n')).toEqual(expect.arrayContaining(['bind 127.0.0.1', 'protected-mode yes', 'save ""', 'appendonly no']))
    }
  })

  it('keeps what apt-get complained of', () => {
    expect(reasonIn('Reading package lists...\nE: Unable to locate package redis-server\n')).toBe('E: Unable to locate package redis-server')
    expect(reasonIn('0% [Working]\nstopped after 60 s')).toBe('stopped after 60 s')
    expect(reasonIn('')).toBe('')
  })
})

it('reads the start time behind a command name with spaces and parentheses', () => {
  const fields = Array.from({ length: 20 }, (_, index) => String(index + 3))
  expect(parseStat(`42 (a) b (c) S ${fields.slice(1).join(' ')}`)).toEqual({ state: 'S', startedAt: '22', parent: 4 })
  expect(parseStat('')).toBeUndefined()
})
