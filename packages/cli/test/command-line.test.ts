import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { scenarioPath } from '@holdfast-examples/leads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCommandLine } from '../src/command-line.ts'
import { fakeHost } from './fake-host.ts'

describe('the command line', () => {
  it('waits for a verb that is interrupted, and ends at once at the second time, but not for what npm passes on with the first', async () => {
    const silent = createServer(socket => void onTestFinished(() => void socket.destroy()))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const exits: number[] = []
    const { port } = silent.address() as AddressInfo
    const host = { ...fakeHost({ DATABASE_URL: `postgres://app@127.0.0.1:${port}/shop` }), exit: (code: number) => exits.push(code) }
    const accepted = once(silent, 'connection')
    const running = runCommandLine(['advise'], host)
    const [socket] = (await accepted) as [Socket]
    host.interrupt()
    host.interrupt()
    expect(exits).toEqual([])
    const again = (): number | undefined => {
      host.interrupt()
      return exits[0]
    }
    await expect.poll(again, { timeout: 4000 }).toBe(130)
    expect(host.err()).toMatch(/once more stops at once[\s\S]*interrupted again/)
    socket.destroy()
    expect(await running).toBe(3)
  })

  it('answers an unknown verb with its code, the next step and exit code 2', async () => {
    const process = fakeHost()
    expect(await runCommandLine(['bananas'], process)).toBe(2)
    expect(process.out()).toBe('')
    expect(process.err()).toMatch(/HF_CLI_USAGE.*unknown command 'bananas'/)
    expect(process.err()).toContain('next: run `holdfast --help`')
  })

  it.each([
    [['demo', '--wrong-flag']],
    [['demo', '--plant', 'something']],
    [['demo', '--port', '99999', '--once']],
    [['demo', '--port', '65535', '--once']],
    [['console']],
    [['console', '--instance', 'localhost']],
    [['console', '--instance', 'file:///etc/hosts']],
    [['console', '--instance', 'http://127.0.0.1:1/', '--port', 'http']],
    [['apply']],
    [['load']],
    [['db']],
    [['db', 'stats', '--limit', 'many']],
    [[]],
    [['advise', '--fail-on', 'moonrise']],
  ])('refuses %j as a usage error without a stack', async argv => {
    const process = fakeHost({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(await runCommandLine(argv, process)).toBe(2)
    expect(process.err()).toContain('HF_CLI_USAGE')
    expect(process.err()).not.toMatch(/\n\s+at /)
  })

  it.each(['/no/such/folder/report.html', '/'])('refuses to start the demo when its report cannot be written to %s', async report => {
    const process = fakeHost()
    expect(await runCommandLine(['demo', '--once', '--port', '0', '--report', report], process)).toBe(2)
    expect(process.err()).toMatch(/^✗ HF_CLI_FILE_UNWRITABLE.*\n.*--report/)
  })

  it('refuses to start a load test when its result cannot be written', async () => {
    const process = fakeHost()
    const scenario = fileURLToPath(scenarioPath)
    // Nothing listens there: an attempt to send anything would be another error.
    expect(await runCommandLine(['load', 'run', scenario, '--base-url', 'http://127.0.0.1:1', '--out', '/no/such/folder/run.json'], process)).toBe(2)
    expect(process.err()).toMatch(/^✗ HF_CLI_FILE_UNWRITABLE.*\n.*--out/)
  })

  it('prints an error as exactly one JSON document on stdout when asked for JSON', async () => {
    const process = fakeHost()
    expect(await runCommandLine(['demo', '--json', '--wrong-flag'], process)).toBe(2)
    const lines = process.out().trim().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({ schema: 'holdfast.error/1', error: { code: 'HF_CLI_USAGE' } })
  })

  it('shows help on stdout with exit code 0, for the program and for each verb', async () => {
    for (const argv of [
      ['--help'],
      ['demo', '--help'],
      ['services', '--help'],
      ['load', 'run', '--help'],
      ['db', 'stats', '--help'],
      ['apply', '--help'],
    ]) {
      const process = fakeHost()
      expect(await runCommandLine(argv, process)).toBe(0)
      expect(process.out()).toContain('Usage: holdfast')
    }
  })

  it('says which file it cannot read, and what would be one', async () => {
    const process = fakeHost()
    expect(await runCommandLine(['load', 'compare', 'no-such.json', 'other.json'], process)).toBe(2)
    expect(process.err()).toMatch(/HF_CLI_FILE_UNREADABLE.*no-such\.json/)
    const notARun = fakeHost()
    expect(await runCommandLine(['load', 'compare', 'package.json', 'package.json'], notARun)).toBe(2)
    expect(notARun.err()).toContain('is not a saved load run')
  })

  it('asks for a database by name when there is none', async () => {
    const process = fakeHost({ XDG_CACHE_HOME: '/nonexistent' })
    expect(await runCommandLine(['explain', 'I-0000'], process)).toBe(2)
    expect(process.err()).toMatch(/HF_CLI_NO_DATABASE.*DATABASE_URL is not set/)
    expect(process.err()).toContain('holdfast services up')
  })

  it('calls an error without a code what it is: a defect', async () => {
    const process = fakeHost({ XDG_CACHE_HOME: '/nonexistent' })
    process.stdout.write = () => {
      throw new Error('the pipe is closed')
    }
    expect(await runCommandLine(['--help'], process)).toBe(2)
    expect(process.err()).toMatch(/HF_BUG_UNEXPECTED.*the pipe is closed/)
  })

  it('ends without a stack when nobody reads its output', async () => {
    const process = fakeHost()
    const output = new EventEmitter()
    process.stdout.on = (event, listener) => output.on(event, listener)
    process.stdout.write = () => output.emit('error', new Error('write EPIPE'))
    expect(await runCommandLine(['--help'], process)).toBe(0)
    expect(process.err()).toBe('')
  })

  it('ends with 3 and no stack when the database does not answer', async () => {
    const process = fakeHost({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' })
    expect(await runCommandLine(['advise'], process)).toBe(3)
    expect(process.err()).toContain('HF_PG_UNREACHABLE')
    expect(process.err()).not.toContain('hunter2')
    expect(process.err()).not.toMatch(/\n\s+at /)
  })
})
