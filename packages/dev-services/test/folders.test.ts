import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cacheFolder, isOpenToOthers } from '../src/cache-folder.ts'
import { findOnPath } from '../src/find-on-path.ts'
import { temporaryFolder } from './temporary-folder.ts'

describe('cacheFolder', () => {
  it('is below XDG_CACHE_HOME, else below the home folder', () => {
    const [xdg, home] = [temporaryFolder(), temporaryFolder()]
    expect(cacheFolder({ XDG_CACHE_HOME: xdg, HOME: home })).toBe(join(xdg, 'holdfast'))
    expect(cacheFolder({ HOME: home })).toBe(join(home, '.cache', 'holdfast'))
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative', HOME: home })).toBe(join(home, '.cache', 'holdfast'))
  })

  it('passes over a place that cannot hold a folder', () => {
    const [xdg, home] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(xdg, 'file'), '')
    expect(cacheFolder({ XDG_CACHE_HOME: join(xdg, 'file'), HOME: home })).toBe(join(home, '.cache', 'holdfast'))
  })

  it('passes over a link that somebody else may have laid', () => {
    const [xdg, home] = [temporaryFolder(), temporaryFolder()]
    symlinkSync(home, join(xdg, 'holdfast'))
    expect(cacheFolder({ XDG_CACHE_HOME: xdg, HOME: home })).toBe(join(home, '.cache', 'holdfast'))
  })
})

it('sees a closed folder anywhere above', () => {
  const base = temporaryFolder()
  mkdirSync(join(base, 'closed', 'open'), { recursive: true })
  expect(isOpenToOthers(join(base, 'closed', 'open'))).toBe(true)
  chmodSync(join(base, 'closed'), 0o700)
  expect(isOpenToOthers(join(base, 'closed', 'open'))).toBe(false)
})

describe('findOnPath', () => {
  it('takes the first executable file and passes over folders, plain files and relative entries', () => {
    const [a, b, c] = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
    mkdirSync(join(a, 'tool'))
    writeFileSync(join(b, 'tool'), '', { mode: 0o644 })
    writeFileSync(join(c, 'tool'), '', { mode: 0o755 })
    expect(findOnPath('tool', { PATH: ['.', a, b, c].join(':') })).toBe(join(c, 'tool'))
    expect(findOnPath('tool', { PATH: '' }, [c])).toBe(join(c, 'tool'))
    expect(findOnPath('tool', {})).toBeUndefined()
  })
})
