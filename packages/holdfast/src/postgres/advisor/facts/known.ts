import { type AdvisorClient, messageOf, readRows, sqlStateOf } from '../client.ts'

/** A fact that was read, or the reason why it could not be. A rule never guesses what it does not know. */
export type Known<T> =
  | { readonly known: true; readonly value: T }
  | {
      readonly known: false
      readonly why: string
      /** The statement that would let the role read it, where a right is what is missing. */
      readonly grant?: string
    }

export function known<T>(value: T): Known<T> {
  return { known: true, value }
}

export function unknown(why: string, grant?: string): Known<never> {
  return grant === undefined ? { known: false, why } : { known: false, why, grant }
}

/** Rows of one statement; not known when the role may not read them or a lock stands in the way. Other errors are thrown: they are faults, not facts.
 *  @param grant what would give the role the right */
export async function readKnown<T extends object>(client: AdvisorClient, text: string, values: unknown[], grant: string): Promise<Known<T[]>> {
  try {
    return known(await readRows<T>(client, text, values))
  } catch (error) {
    const state = sqlStateOf(error)
    // 42501 insufficient_privilege.
    if (state === '42501') return unknown(messageOf(error), grant)
    // 55P03 lock_not_available; 42P01 and XX000: a relation that was dropped between two look-ups of the same statement.
    if (state === '55P03' || state === '42P01' || state === 'XX000') return unknown(messageOf(error))
    throw error
  }
}
