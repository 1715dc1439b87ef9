import { DEVICE_WIDTHS, IMAGE_QUALITIES } from './image-choice.ts'

/** What an image is shown as. */
export interface ImageShown {
  /** Widths that it is made in. Default {@link DEVICE_WIDTHS}. */
  readonly widths?: readonly number[]
  /** Quality that it is asked for in. Default the first of {@link IMAGE_QUALITIES}. */
  readonly quality?: number
  /** How wide it stands on the page, as in the attribute `sizes`. Default `100vw`. */
  readonly sizes?: string
  /** Fetched at once, for what is seen first; others when they come near the window. Default false. */
  readonly isFirst?: boolean
}

/** Attributes of an `<img>`, by their names in HTML: a URL with `w` and `q` for each width, which {@link chooseWidth} and `chooseQuality` take on the server, and lazy loading. Not escaped for HTML; width and
 *  height, which keep the page from jumping, are yours to add. */
export function imageAttributes(
  url: string,
  { widths = DEVICE_WIDTHS, quality = IMAGE_QUALITIES[0]!, sizes = '100vw', isFirst = false }: ImageShown = {},
): Record<'src' | 'srcset' | 'sizes' | 'loading' | 'decoding' | 'fetchpriority', string> {
  const at = (width: number): string => `${url}${url.includes('?') ? '&' : '?'}w=${width}&q=${quality}`
  const sorted = [...widths].sort((a, b) => a - b)
  return {
    // The largest, as for a browser that knows no srcset.
    src: at(sorted.at(-1) ?? DEVICE_WIDTHS.at(-1)!),
    srcset: sorted.map(width => `${at(width)} ${width}w`).join(', '),
    sizes,
    loading: isFirst ? 'eager' : 'lazy',
    decoding: 'async',
    fetchpriority: isFirst ? 'high' : 'auto',
  }
}
