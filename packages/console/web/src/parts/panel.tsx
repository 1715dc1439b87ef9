import { type ReactElement, type ReactNode, useId } from 'react'

interface PanelProps {
  readonly title: string
  /** Small text after the title: window, unit, order. */
  readonly aside?: ReactNode
  readonly className?: string
  readonly children: ReactNode
}

/** A titled region of the page. */
export function Panel({ title, aside, className, children }: PanelProps): ReactElement {
  const id = useId()
  return (
    <section className={className === undefined ? 'panel' : `panel ${className}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  )
}

/** Grey bars in the shape of what will stand here. */
export function Skeleton({ lines, label }: { readonly lines: number; readonly label: string }): ReactElement {
  return (
    <div className="skeleton" role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, line) => `bone ${line}`).map(bone => (
        <span key={bone} className="bone" aria-hidden="true" />
      ))}
    </div>
  )
}
