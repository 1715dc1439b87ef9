import type { ReactElement } from 'react'
import { Skeleton } from './panel.tsx'
import { ProblemNote } from './problem-note.tsx'

interface ReadingProps<T> {
  /** Of TanStack Query. */
  readonly reading: { readonly data: T | undefined; readonly error: Error | null }
  /** What is read, for the grey bars: "Reading the pools". */
  readonly label: string
  readonly children: (data: T) => ReactElement
}

/** Grey bars until there is an answer, then the answer; a problem stands above what was read last. */
export function Reading<T>({ reading: { data, error }, label, children }: ReadingProps<T>): ReactElement {
  if (data !== undefined) {
    return (
      <>
        {error === null ? null : <ProblemNote error={error} />}
        {children(data)}
      </>
    )
  }
  return <section className="panel">{error === null ? <Skeleton lines={8} label={label} /> : <ProblemNote error={error} />}</section>
}
