import type { Transaction } from '../database.ts'

/** Closed leads of the same place and type that are looked at. */
const LIKE_IT = 200
/** Points of 100 by where the lead came from, for want of anything better; the rest is the share of its like that was won. */
const SOURCE_POINTS = { referral: 40, phone: 32, partner: 24, web: 18, fair: 10 }

/** Gives a lead its score, 0 to 100, by its source and by what became of those like it. Nothing for a lead that is gone. 1 statement. */
export async function scoreLead(tx: Transaction, leadId: number): Promise<void> {
  const points = Object.entries(SOURCE_POINTS)
  await tx.query(
    `update lead l set quality_score = p.points + round(60 * coalesce(
       (select avg((s.status = 'won')::int) from (
          select status from lead where zip_code = l.zip_code and insurance_type = l.insurance_type and status in ('won', 'lost') limit ${LIKE_IT}) s), 0.3))
     from unnest($2::lead_source[], $3::int[]) as p(source, points) where l.id = $1 and p.source = l.source`,
    [leadId, points.map(([source]) => source), points.map(([, value]) => value)],
  )
  tx.invalidate(`lead:${leadId}`)
}
