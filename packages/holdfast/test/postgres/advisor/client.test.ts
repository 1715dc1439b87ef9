import { describe, expect, it } from 'vitest'
import { messageOf } from '../../../src/postgres/advisor/client.ts'

describe('messageOf', () => {
  const error = (code: string, message: string): Error => Object.assign(new Error(message), { code })

  it('keeps what an error quotes of the data to itself, and names what is wrong', () => {
    expect(messageOf(error('22P02', 'invalid input syntax for type integer: "4111 1111"'))).toBe('invalid input syntax for type integer: "?"')
    expect(messageOf(error('P0001', 'no credit for Ada Lovelace'))).toBe('a function of the application raised an error')
    expect(messageOf(error('42501', 'permission denied for table "lead"'))).toBe('permission denied for table "lead"')
    expect(messageOf(new Error('Connection terminated'))).toBe('Connection terminated')
  })
})
