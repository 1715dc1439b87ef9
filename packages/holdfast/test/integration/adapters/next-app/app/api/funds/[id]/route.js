import { responseCache } from 'holdfast/next'
import { fund } from '../../../../lib/fund.mjs'
import { hf } from '../../../../lib/hf.mjs'

export const GET = responseCache(hf, async (request, { params }) => {
  const { units, call } = await fund((await params).id)
  const body = { units, call, handler: Math.random(), host: request.headers.get('host'), forwarded: request.headers.get('x-forwarded-host') }
  return Response.json(body, { headers: { 'cache-control': 'public, max-age=600', etag: `"${units}"` } })
})
