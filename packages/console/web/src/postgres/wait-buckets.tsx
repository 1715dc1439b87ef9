import type { ReactElement } from 'react'
import type { WaitBucket } from '../../../src/api/database-contract.ts'
import { count, ms, percent } from '../format.ts'

/** The waits by their length: a table whose bars repeat its numbers. */
export function WaitBuckets({ buckets }: { readonly buckets: readonly WaitBucket[] }): ReactElement {
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0)
  if (total === 0) return <p className="empty">Nobody asked for a connection in this window.</p>
  return (
    <table className="buckets">
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Wait</th>
          <th scope="col">Share</th>
          <th scope="col">Checkouts</th>
        </tr>
      </thead>
      <tbody>
        {buckets.map(({ upToMs, count: n }, at) => (
          <tr key={upToMs ?? 'more'}>
            <th scope="row">{upToMs === null ? `over ${ms(buckets[at - 1]?.upToMs ?? 0)}` : `to ${ms(upToMs)}`}</th>
            <td>
              <span className="share-bar" aria-hidden="true">
                <span style={{ width: `${(n / total) * 100}%` }} />
              </span>
              {percent(n / total)}
            </td>
            <td className="number">{count(n)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
