import type { ReactElement, ReactNode } from 'react'

interface ScrollerProps {
  /** What scrolls, for those who do not see it. */
  readonly label: string
  readonly className?: string
  readonly children: ReactNode
}

/** A region that scrolls when its content is wider than the page, and can be scrolled by the keyboard. */
export function Scroller({ label, className, children }: ScrollerProps): ReactElement {
  return (
    // Not every browser lets the keyboard into a scrolling region that holds nothing to focus.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section className={className === undefined ? 'scroll' : `scroll ${className}`} tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}
