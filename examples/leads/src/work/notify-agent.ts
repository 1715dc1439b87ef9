import type { Transaction } from '../database.ts'

/** Tells an agent of a lead that is now theirs. */
export async function notifyAgent(tx: Transaction, { leadId, agentId }: { readonly leadId: number; readonly agentId: number }): Promise<void> {
  await tx.query(
    `insert into notification (agent_id, lead_id, text)
     select $1, id, 'A lead for you: ' || contact_name || ', ' || insurance_type || ' in ' || zip_code || ', score ' || quality_score from lead where id = $2`,
    [agentId, leadId],
  )
}
