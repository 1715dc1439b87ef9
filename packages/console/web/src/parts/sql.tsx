import type { ReactElement } from 'react'

const WORDS =
  /\b(SELECT|FROM|WHERE|AND|OR|NOT|IN|IS|NULL|JOIN|LEFT|INNER|ON|ORDER|GROUP|BY|HAVING|LIMIT|OFFSET|AS|ASC|DESC|INSERT|INTO|VALUES|UPDATE|SET|DELETE|RETURNING|WITH|CREATE|DROP|INDEX|CONCURRENTLY|IF|EXISTS|UNIQUE|USING|INCLUDE|ANALYZE|CASE|WHEN|THEN|ELSE|END|BETWEEN|DISTINCT|UNION|ALL)\b/i

/** A statement with its keywords set in bold. A weight, not a colour, so nothing is lost to those who see few colours. */
export function Sql({ text }: { readonly text: string }): ReactElement {
  return (
    <pre className="sql">
      <code>
        {text.split(new RegExp(WORDS, 'gi')).map((piece, index) =>
          // The pattern has one group, so every second piece is a keyword; pieces have no identity but their place.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          index % 2 === 1 ? <b key={index}>{piece}</b> : piece,
        )}
      </code>
    </pre>
  )
}
