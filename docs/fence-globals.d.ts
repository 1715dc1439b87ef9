// Names that the samples in the docs use as a reader's own code. One line each; what a sample is about never stands here.
import type { Holdfast } from 'holdfast'
import type { Transaction } from 'holdfast/postgres'
import type { Pool } from 'pg'

declare global {
  const hf: Holdfast<Pool>
  const loadFund: (id: string) => Promise<{ id: string; name: string }>
  const insertCall: (tx: Transaction<Pool>, call: unknown) => Promise<void>
}
