import { describe, expect, it } from 'vitest'
import { type Input, readInput } from '../src/input.ts'
import { Problem } from '../src/problem.ts'

function problemsOf(input: Input): readonly unknown[] {
  try {
    input.done()
  } catch (error) {
    return (error as Problem).problems
  }
  return []
}

describe('reading input', () => {
  it.each([['0'], ['-1'], ['1.5'], ['1e3'], [' 1'], ['2147483648'], ['99999999999'], [''], [['1', '2']]])('refuses %j as an id in a query', value => {
    const input = readInput('query', { id: value })
    input.integer('id')
    expect(problemsOf(input)).toEqual([{ where: 'query.id', what: 'must be an integer from 1 to 2147483647' }])
  })

  it('takes numbers from JSON and refuses text there', () => {
    const input = readInput('body', { leadId: 7, agentId: '7' })
    expect(input.integer('leadId')).toBe(7)
    input.integer('agentId')
    expect(problemsOf(input)).toEqual([{ where: 'body.agentId', what: 'must be an integer from 1 to 2147483647' }])
  })

  it.each([[undefined], [null], [[]], ['text']])('says that %j is no object', body => {
    expect(problemsOf(readInput('body', body))).toEqual([{ where: 'body', what: 'must be a JSON object, sent with content-type: application/json' }])
  })

  it('refuses fields that nobody asks for, so that a typing error is not taken for a default', () => {
    const input = readInput('query', { limt: '5' })
    expect(input.integerOr('limit', 20)).toBe(20)
    expect(problemsOf(input)).toEqual([{ where: 'query.limt', what: 'is not known; known are limit' }])
  })

  it('does not see what objects inherit', () => {
    const input = readInput('body', JSON.parse('{"__proto__":{"status":"new"}}'))
    expect(input.oneOfOr('status', ['new'], null)).toBeNull()
    expect(problemsOf(input)).toHaveLength(1)
  })

  it('gives the values when all is well', () => {
    const input = readInput('query', { status: 'won', zip: '10000' })
    expect([input.oneOf('status', ['new', 'won']), input.matching('zip', /^\d{5}$/, 'five digits')]).toEqual(['won', '10000'])
    expect(() => input.done()).not.toThrow(Problem)
  })
})
