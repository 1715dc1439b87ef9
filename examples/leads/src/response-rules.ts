import type { RouteRule } from 'holdfast/http'
import { leadFields } from './routes/leads-v2.ts'

/** Which answers are kept whole, and for how long. All of them are the same for everybody: this service has no users. An answer is dropped with the data that it
 *  was made of, so the first two are forgotten by what a new assignment or event invalidates, and the others by time. A request with a cookie or credentials
 *  is not answered from here: Holdfast cannot know that nobody looks at them. What is not listed is not kept. */
export const RESPONSE_RULES: readonly RouteRule[] = [
  { path: '/leads/*', ttl: '30s' },
  { path: '/agents/*/leads', ttl: '30s' },
  { path: '/leads', ttl: '5s' },
  { path: '/v2/leads', ttl: '5s', canonicalQuery: { fields: leadFields.canonical } },
  { path: '/dashboard', ttl: '5s' },
  { path: '/carriers', ttl: '300s' },
]
