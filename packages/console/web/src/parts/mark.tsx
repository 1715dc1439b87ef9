import type { ReactElement, ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

/** How something stands. */
export type Tone = 'ok' | 'bad' | 'warn' | 'quiet'

const ICONS: Readonly<Record<Tone, IconName>> = { ok: 'ok', bad: 'bad', warn: 'warn', quiet: 'unknown' }

/** A state as icon and word; the colour only repeats what they say. */
export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactElement {
  return (
    <span className={`mark tone-${tone}`}>
      <Icon name={ICONS[tone]} />
      <span>{children}</span>
    </span>
  )
}
