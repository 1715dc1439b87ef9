import type { StatementSnapshot } from '../statement-store.ts'

/** A statement that leaves something in its server session, which a pooler gives to somebody else after the transaction. */
export interface SessionStateStatement {
  /** Normalised. */
  readonly text: string
  readonly callCount: number
  /** What goes wrong. */
  readonly why: string
  /** What to write instead. */
  readonly fix: string
}

/** Whether a pooler stands between, and what suffers from it. */
export interface PoolerDiagnosis {
  /** True: what answers at the other end of the connection hands sessions of PostgreSQL out, as PgBouncer does. */
  readonly isPooled: boolean
  /** Statements seen since the start that rely on a session of their own. Empty without a pooler. Where the pooler is in session mode they are fine. */
  readonly sessionState: readonly SessionStateStatement[]
}

interface Rule {
  readonly pattern: RegExp
  readonly why: string
  readonly fix: string
}

const RULES: readonly Rule[] = [
  {
    pattern: /^\s*(set\s+(?!local\b|transaction\b|constraints\b)|reset\b)/i,
    why: 'the setting stays in a server session that the next transaction of somebody else may get, and is missing in the next one of this client',
    fix: 'SET LOCAL inside a transaction, or ALTER ROLE ... SET',
  },
  {
    pattern: /^\s*(un)?listen\b/i,
    why: 'notifications arrive in a server session that nobody listens to',
    fix: 'a connection of its own, past the pooler',
  },
  {
    pattern: /^\s*(prepare\s+(?!transaction\b)|execute\b|deallocate\b)/i,
    why: 'the prepared statement is in one server session, and the next transaction may run in another',
    fix: 'parameters of the driver, without SQL PREPARE',
  },
  {
    pattern: /^\s*create\s+(local\s+|global\s+)?temp(orary)?\b(?!.*\bon\s+commit\s+drop\b)/is,
    why: 'the table stays in a server session and is missing in the next transaction of this client',
    fix: 'ON COMMIT DROP, and its use in the same transaction',
  },
  {
    pattern: /\bpg_(try_)?advisory_lock(_shared)?\s*\(/i,
    why: 'the lock is held by a server session: whoever gets that session next has it, and unlocking may reach another',
    fix: 'pg_advisory_xact_lock inside a transaction',
  },
  {
    pattern: /^\s*declare\b.*\bwith\s+hold\b/is,
    why: 'the cursor is in one server session, and the next transaction may run in another',
    fix: 'a cursor inside one transaction, or keyset pagination',
  },
  {
    pattern: /^\s*(discard|load)\b/i,
    why: 'it changes a server session that others use',
    fix: 'leave it to the pooler (server_reset_query)',
  },
]

/** Those of `statements` that rely on a session of their own, each under the first rule that it breaks. */
export function findSessionState(statements: readonly StatementSnapshot[]): SessionStateStatement[] {
  return statements.flatMap(({ text, callCount }) => {
    const rule = RULES.find(({ pattern }) => pattern.test(text))
    return rule === undefined ? [] : [{ text, callCount, why: rule.why, fix: rule.fix }]
  })
}
