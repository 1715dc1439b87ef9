import { describe, expect, it } from 'vitest'
import { diskFullError, requireFreeDisk } from '../src/disk.ts'
import { DevServicesError, errors } from '../src/errors.ts'

it('has a summary and a next step for every code', () => {
  for (const [code, { summary, hint }] of Object.entries(errors)) {
    expect(code).toMatch(/^HF_(PG|REDIS|CLI)_[A-Z_]+$/)
    expect(summary).toMatch(/\.$/)
    expect(hint).not.toBe('')
  }
})

it('prints as the errors of the library do', () => {
  const error = new DevServicesError('HF_PG_UNREACHABLE', 'refused', { context: { port: 1 }, cause: new Error('secret') })
  const { hint } = errors.HF_PG_UNREACHABLE
  expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'HF_PG_UNREACHABLE', message: 'refused', hint, retryable: true, context: { port: 1 } })
})

describe('HF_CLI_DISK_FULL', () => {
  it('is raised below 300 MB of free disk, with the measured value', async () => {
    await requireFreeDisk('/data', async () => 300 * 1024 * 1024)
    await expect(requireFreeDisk('/data', async () => 299 * 1024 * 1024)).rejects.toMatchObject({
      code: 'HF_CLI_DISK_FULL',
      message: '299 MB are free at /data, 300 MB are needed',
    })
  })

  it('is recognised in a failed write and in what a program printed', () => {
    expect(diskFullError(Object.assign(new Error('write failed'), { code: 'ENOSPC' }), '/data')?.code).toBe('HF_CLI_DISK_FULL')
    expect(diskFullError('initdb: error: could not write: No space left on device', '/data')?.code).toBe('HF_CLI_DISK_FULL')
    expect(diskFullError(new Error('permission denied'), '/data')).toBeUndefined()
  })
})
