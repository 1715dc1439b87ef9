import type { ReactElement } from 'react'

/** The page's pictures. Always beside a word or on a labelled button, so they are hidden from screen readers. */
export type IconName =
  | 'ok'
  | 'bad'
  | 'warn'
  | 'unknown'
  | 'pause'
  | 'play'
  | 'sun'
  | 'moon'
  | 'help'
  | 'table'
  | 'copy'
  | 'save'
  | 'load'
  | 'apply'
  | 'revert'
  | 'finding'
  | 'service'
  | 'next'
  | 'back'
  | 'close'

const PATHS: Readonly<Record<IconName, string>> = {
  ok: 'M3.500 8.500l3 3 6-7',
  bad: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 2.200L14.300 13.500H1.700zM8 6.500v3.200M8 11.600v.2',
  unknown: 'M4 8h8',
  pause: 'M5.500 3.500v9M10.500 3.500v9',
  play: 'M5 3l8 5-8 5z',
  sun: 'M8 5.200a2.800 2.800 0 100 5.600 2.800 2.800 0 000-5.600M8 1.500v1.200M8 13.300v1.200M1.500 8h1.200M13.300 8h1.200M3.400 3.400l.9.9M11.700 11.700l.9.9M3.400 12.600l.9-.9M11.700 4.300l.9-.9',
  moon: 'M13 9.600A5.500 5.500 0 016.400 3a5.500 5.500 0 106.600 6.600z',
  help: 'M5.700 6a2.300 2.300 0 114 1.700C8.800 8.500 8 8.900 8 10M8 12.400v.2',
  table: 'M2.500 3.500h11v9h-11zM2.500 6.500h11M2.500 9.500h11M6.500 6.500v6',
  copy: 'M5.500 5.500h7v8h-7zM10.500 5.500v-3h-7v8h2',
  save: 'M8 2.500v7M5 7l3 3 3-3M3 13h10',
  load: 'M9 1.800L3.500 9H8l-1 5.200L12.500 7H8z',
  apply: 'M3 13l6-6M8 3.500a3.200 3.200 0 004.500 4.500L10 5.500l1.500-1.900A3.200 3.200 0 008 3.500z',
  revert: 'M3 6h6.500a3.300 3.300 0 010 6.600H6M3 6l3-3M3 6l3 3',
  finding: 'M7 2.700a4.300 4.300 0 100 8.600 4.300 4.300 0 000-8.600M10.200 10.200l3.300 3.300',
  service: 'M2.500 3.500h11v4h-11zM2.500 9.500h11v4h-11zM5 5.500h.1M5 11.500h.1',
  next: 'M6 3.500L10.500 8 6 12.500',
  back: 'M10 3.500L5.500 8l4.500 4.500',
  close: 'M4 4l8 8M12 4l-8 8',
}

/** One of {@link IconName}, as tall as the text around it. */
export function Icon({ name }: { readonly name: IconName }): ReactElement {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  )
}
