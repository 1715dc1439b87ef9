/** The values of the enumerations in data/schema.sql that a request may name. */
export const LEAD_STATUSES = ['new', 'assigned', 'quoted', 'won', 'lost', 'escalated'] as const
export const INSURANCE_TYPES = ['auto', 'home', 'health', 'life', 'business'] as const
export const LEAD_SOURCES = ['web', 'partner', 'phone', 'referral', 'fair'] as const
export const ASSIGNMENT_STATUSES = ['open', 'contacted', 'won', 'lost', 'escalated'] as const
export const ENTITY_TYPES = ['lead', 'agent', 'carrier'] as const

export type LeadStatus = (typeof LEAD_STATUSES)[number]
export type InsuranceType = (typeof INSURANCE_TYPES)[number]
export type LeadSource = (typeof LEAD_SOURCES)[number]
export type AssignmentStatus = (typeof ASSIGNMENT_STATUSES)[number]
export type EntityType = (typeof ENTITY_TYPES)[number]
