import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { takeLock } from '../src/lock.ts'
import { identifyProcess, isAlive } from '../src/process-identity.ts'
import { claimSlot } from '../src/slot.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Same number as a live process, another start: the number was given out again. */
const dead = { pid: process.pid, startedAt: 'long ago' }

it('is held by one at a time and free again after release', async () => {
  const path = join(temporaryFolder(), 'lock')
  const lock = await takeLock(path)
  expect(await takeLock(path)).toBeUndefined()
  lock?.release()
  expect(await takeLock(path)).toBeDefined()
})

it('gives the lock of a dead holder to exactly one of many', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'lock'), JSON.stringify({ holder: dead, children: [] }))
  const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(join(folder, 'lock'))))
  expect(taken.filter(lock => lock !== undefined)).toHaveLength(1)
  expect(readdirSync(folder)).toEqual(['lock'])
})

it('ends what a dead holder left running', async () => {
  const path = join(temporaryFolder(), 'lock')
  const left = spawn('sleep', ['600'])
  await once(left, 'spawn')
  const identity = identifyProcess(left.pid!)!
  writeFileSync(path, JSON.stringify({ holder: dead, children: [identity] }))
  const ended = once(left, 'exit')
  expect(await takeLock(path)).toBeDefined()
  await ended
  expect(isAlive(identity)).toBe(false)
})

it('spares a process that only got the number of one left behind', async () => {
  const path = join(temporaryFolder(), 'lock')
  writeFileSync(path, JSON.stringify({ holder: dead, children: [dead] }))
  expect(await takeLock(path)).toBeDefined()
})

it('stays with the process it was handed over to', async () => {
  const path = join(temporaryFolder(), 'lock')
  const lock = await takeLock(path)
  const keeper = spawn('sleep', ['600'])
  await once(keeper, 'spawn')
  lock?.handOver(identifyProcess(keeper.pid!)!)
  lock?.release()
  expect(JSON.parse(readFileSync(path, 'utf8')).holder.pid).toBe(keeper.pid)
  expect(await takeLock(path)).toBeUndefined()
  keeper.kill()
  await once(keeper, 'exit')
  expect(await takeLock(path)).toBeDefined()
})

it('refuses a base folder that the account of the services cannot reach', async () => {
  const base = join(temporaryFolder(), 'closed')
  mkdirSync(base, { mode: 0o700 })
  await expect(claimSlot(base, { uid: 65534, gid: 65534 })).rejects.toMatchObject({
    code: 'HF_PG_START_FAILED',
    message: expect.stringContaining(base),
  })
})

it('gives concurrent runs folders of their own and the first of them to the next run', async () => {
  const base = temporaryFolder()
  const [a, b] = [await claimSlot(base), await claimSlot(base)]
  expect([a.folder, b.folder]).toEqual([join(base, '0'), join(base, '1')])
  a.lock.release()
  expect((await claimSlot(base)).folder).toBe(join(base, '0'))
})
