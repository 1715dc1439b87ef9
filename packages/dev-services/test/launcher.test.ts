import { describe, expect, it } from 'vitest'
import { parseNobody, prepareLaunch } from '../src/launcher.ts'

const nobody = { uid: 65534, gid: 65533 }
const request = { command: '/bin/server', args: ['-x'], asService: true, deathSignal: 'SIGQUIT' } as const

describe('prepareLaunch', () => {
  it('changes the account and sets the death signal in one setpriv call', () => {
    expect(prepareLaunch(request, '/usr/bin/setpriv', nobody)).toEqual({
      command: '/usr/bin/setpriv',
      args: ['--reuid=65534', '--regid=65533', '--clear-groups', '--pdeathsig', 'QUIT', '--', '/bin/server', '-x'],
    })
  })

  it('only sets the death signal for an ordinary account', () => {
    expect(prepareLaunch(request, '/usr/bin/setpriv', undefined).args).toEqual(['--pdeathsig', 'QUIT', '--', '/bin/server', '-x'])
  })

  it('sets no death signal for what is to outlive us', () => {
    const { command, args } = request
    expect(prepareLaunch({ command, args, asService: true }, '/usr/bin/setpriv', nobody).args).not.toContain('--pdeathsig')
    expect(prepareLaunch({ command, args, asService: true }, '/usr/bin/setpriv', undefined)).toEqual({ command, args })
  })

  it('leaves the change of account to spawn where there is no setpriv', () => {
    expect(prepareLaunch(request, undefined, nobody)).toEqual({ command: '/bin/server', args: ['-x'], ...nobody })
  })

  it('keeps our own account for what is no service', () => {
    expect(prepareLaunch({ ...request, asService: false }, '/usr/bin/setpriv', nobody).args).not.toContain('--reuid=65534')
  })
})

it('finds nobody under the number that this system gives it', () => {
  expect(parseNobody('root:x:0:0::/root:/bin/sh\nnobody:x:99:98:n:/:/sbin/nologin\n')).toEqual({ uid: 99, gid: 98 })
  expect(parseNobody('')).toEqual({ uid: 65534, gid: 65534 })
})
