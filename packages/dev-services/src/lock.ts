import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts'
import { sweepProcesses } from './sweep.ts'

/** A file that says who uses the folder it is in. It outlives a killed holder, who is recognised as dead by pid and start time. */
export interface Lock {
  /** Notes a service, so that the next holder can end it if we cannot. */
  addChild(child: ProcessIdentity): void
  /** Makes a longer-living process the holder; `release` then does nothing. */
  handOver(to: ProcessIdentity): void
  release(): void
}

interface LockRecord {
  readonly holder: ProcessIdentity
  readonly children: readonly ProcessIdentity[]
}

/** Takes the lock, or returns undefined when a live process holds it. What a dead holder left running is ended first. */
export async function takeLock(path: string): Promise<Lock | undefined> {
  const own = identifyProcess(process.pid)!
  for (let attempt = 0; attempt < 5; attempt++) {
    if (created(path, { holder: own, children: [] })) return heldLock(path, own)
    const found = readRecord(path)
    if (found !== undefined && isAlive(found.holder)) return undefined
    if (!removeStale(path, found)) continue
    await sweepProcesses(found?.children ?? [])
  }
  return undefined
}

function heldLock(path: string, own: ProcessIdentity): Lock {
  let record: LockRecord = { holder: own, children: [] }
  let isOurs = true
  const write = (next: LockRecord): void => {
    record = next
    const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 })
    renameSync(draft, path)
  }
  return {
    addChild: child => write({ ...record, children: [...record.children, child] }),
    handOver: to => {
      write({ ...record, holder: to })
      isOurs = false
    },
    release: () => {
      if (isOurs) rmSync(path, { force: true })
      isOurs = false
    },
  }
}

/** The record appears whole or not at all: written aside, then linked to its name, which fails when the name is taken. */
function created(path: string, record: LockRecord): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 })
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves the stale record away. False when another process was faster: what was moved is then put back. */
function removeStale(path: string, judged: LockRecord | undefined): boolean {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    renameSync(path, aside)
  } catch {
    return false
  }
  const moved = readRecord(aside)
  const isTheJudged = JSON.stringify(moved?.holder) === JSON.stringify(judged?.holder)
  try {
    if (!isTheJudged) linkSync(aside, path)
  } catch {
    // A third process has created its own meanwhile; the one moved aside ends up sharing its folder's number, not its data: PostgreSQL refuses.
  } finally {
    rmSync(aside, { force: true })
  }
  return isTheJudged
}

function readRecord(path: string): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockRecord
  } catch {
    return undefined
  }
}
