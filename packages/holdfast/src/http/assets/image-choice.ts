import { listMembers } from '../fields/fields.ts'

/** Image formats that a browser must name in Accept to get. */
export type ImageFormat = 'image/avif' | 'image/webp'

/** Smallest first for the same picture, as a rule. */
export const IMAGE_FORMATS: readonly ImageFormat[] = ['image/avif', 'image/webp']

/** Widths in pixels of the screens that images are made for. @source next.js, `images.deviceSizes`, 16.0 */
export const DEVICE_WIDTHS: readonly number[] = [640, 750, 828, 1080, 1200, 1920, 2048, 3840]

/** Qualities that images are made in, 1 to 100. @source next.js, `images.qualities`, 16.0 */
export const IMAGE_QUALITIES: readonly number[] = [75]

/** The first of `formats` that the browser names with a weight above 0; `undefined`: the format that every browser knows. `image/*` and the wildcard of everything are no answer, since browsers without
 *  the format send them too. */
export function chooseFormat(accept: string | undefined, formats: readonly ImageFormat[] = IMAGE_FORMATS): ImageFormat | undefined {
  const named = new Set<string>()
  for (const member of listMembers(accept ?? '')) {
    const [type = '', ...parameters] = member.split(';').map(part => part.trim().toLowerCase())
    const isRefused = parameters.some(parameter => /^q=0(?:\.0{0,3})?$/.test(parameter))
    if (!isRefused) named.add(type)
  }
  return formats.find(format => named.has(format))
}

/** The one Accept that stands for all that lead to the same choice. */
export function plainAccept(accept: string | undefined, formats: readonly ImageFormat[]): string {
  return chooseFormat(accept, formats) ?? 'image/*'
}

/** The smallest of `widths` that is not below what was asked for, else the largest: so that a client cannot have any number of sizes made. `undefined` for what is no width. */
export function chooseWidth(asked: string | number | undefined, widths: readonly number[] = DEVICE_WIDTHS): number | undefined {
  const width = Number(asked)
  if (asked === undefined || asked === '' || !(width > 0)) return undefined
  const sorted = [...widths].sort((a, b) => a - b)
  return sorted.find(one => one >= width) ?? sorted.at(-1)
}

/** The one of `qualities` that is nearest to what was asked for, the first of them for what is no quality. */
export function chooseQuality(asked: string | number | undefined, qualities: readonly number[] = IMAGE_QUALITIES): number {
  const quality = Number(asked)
  const [first = IMAGE_QUALITIES[0]!] = qualities
  if (asked === undefined || asked === '' || Number.isNaN(quality)) return first
  return qualities.reduce((best, one) => (Math.abs(one - quality) < Math.abs(best - quality) ? one : best), first)
}
