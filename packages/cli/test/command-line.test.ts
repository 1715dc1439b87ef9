import { describe, expect, it } from 'vitest'
import { type CommandLineProcess, runCommandLine } from '../src/command-line.ts'

/** A process whose streams are kept. */
function host(env: NodeJS.ProcessEnv = {}): CommandLineProcess & { out: () => string; err: () => string } {
  let out = ''
  let err = ''
  return {
    env,
    stdin: {},
    stdout: { write: text => (out += text) },
    stderr: { write: text => (err += text) },
    on: () => undefined,
    off: () => undefined,
    out: () => out,
    err: () => err,
  }
}

describe('the command line', () => {
  it('answers an unknown verb with its code, the next step and exit code 2', async () => {
    const process = host()
    expect(await runCommandLine(['bananas'], process)).toBe(2)
    expect(process.out()).toBe('')
    expect(process.err()).toMatch(/HF_CLI_USAGE.*unknown command 'bananas'/)
    expect(process.err()).toContain('next: run `holdfast --help`')
  })

  it.each([
    [['demo', '--wrong-flag']],
    [['demo', '--plant', 'something']],
    [['demo', '--port', '99999', '--once']],
    [['console', '--port', 'http']],
    [['apply']],
    [['load']],
    [[]],
    [['advise', '--fail-on', 'moonrise']],
  ])('refuses %j as a usage error without a stack', async argv => {
    const process = host({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(await runCommandLine(argv, process)).toBe(2)
    expect(process.err()).toContain('HF_CLI_USAGE')
    expect(process.err()).not.toMatch(/\n\s+at /)
  })

  it('prints an error as exactly one JSON document on stdout when asked for JSON', async () => {
    const process = host()
    expect(await runCommandLine(['demo', '--json', '--wrong-flag'], process)).toBe(2)
    const lines = process.out().trim().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({ schema: 'holdfast.error/1', error: { code: 'HF_CLI_USAGE' } })
  })

  it('shows help on stdout with exit code 0, for the program and for each verb', async () => {
    for (const argv of [['--help'], ['demo', '--help'], ['services', '--help'], ['load', 'run', '--help'], ['apply', '--help']]) {
      const process = host()
      expect(await runCommandLine(argv, process)).toBe(0)
      expect(process.out()).toContain('Usage: holdfast')
    }
  })

  it('says which file it cannot read, and what would be one', async () => {
    const process = host()
    expect(await runCommandLine(['load', 'compare', 'no-such.json', 'other.json'], process)).toBe(2)
    expect(process.err()).toMatch(/HF_CLI_FILE_UNREADABLE.*no-such\.json/)
    const notARun = host()
    expect(await runCommandLine(['load', 'compare', 'package.json', 'package.json'], notARun)).toBe(2)
    expect(notARun.err()).toContain('is not a saved load run')
  })

  it('ends with 3 and no stack when the database does not answer', async () => {
    const process = host({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' })
    expect(await runCommandLine(['advise'], process)).toBe(3)
    expect(process.err()).toContain('HF_PG_UNREACHABLE')
    expect(process.err()).not.toContain('hunter2')
    expect(process.err()).not.toMatch(/\n\s+at /)
  })
})
