import type { ReactElement } from 'react'
import type { WaitBucket } from '../../../src/api/database-contract.ts'
import { count, percent } from '../format.ts'

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
            <th scope="row">{upToMs === null ? `over ${limitText(buckets[at - 1]?.upToMs ?? 0)}` : `to ${limitText(upToMs)}`}</th>
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

function limitText(limitMs: number): string {
  return limitMs < 1000 ? `${limitMs}\u00a0ms` : `${limitMs / 1000}\u00a0s`
}
