import type { Duration } from '../../core/index.ts'
import type { AssetRule } from './asset-rules.ts'

const YEAR: Duration = '365d'

/** Rules for what services commonly serve; spread them into a list, the special before the general. Paths are patterns. */
export const assetPresets = {
  /** Files whose name or version changes with their content: a year, never asked again. */
  static: (path = '/static/*'): AssetRule[] => [{ path, browser: YEAR, immutable: true, tags: ['static'] }],
  /** Images whose name or version changes with their content, as AVIF or WebP where the browser knows it. */
  images: (path = '/images/*'): AssetRule[] => [{ path, browser: YEAR, immutable: true, formats: ['image/avif', 'image/webp'], tags: ['images'] }],
  /** Fonts, also for pages of other origins. */
  fonts: (path = '/fonts/*'): AssetRule[] => [{ path, browser: YEAR, immutable: true, cors: true, tags: ['fonts'] }],
  /** Public answers of an API: browsers ask each time, CDNs keep them for a minute. Only for answers that are the same for everybody. */
  api: (path = '/api/*', cdn: Duration = '1m'): AssetRule[] => [{ path, browser: '0s', cdn, stale: '5m', staleIfError: '5m', tags: ['api'] }],
  /** Public pages: browsers ask each time, so that a purge is seen at once. */
  pages: (path = '/*', cdn: Duration = '1h'): AssetRule[] => [{ path, browser: '0s', cdn, stale: '1d', staleIfError: '1d', tags: ['pages'] }],
  /** Pages of somebody signed in. */
  private: (path: string): AssetRule[] => [{ path, browser: 'no-store' }],
  /** HLS and DASH under a path that ends in `/`: playlists and manifests for half a segment (RFC 8216 6.3.4 lets players ask again after that), so that a live one is never a segment behind;
   *  segments, which never change, for a year. `segment`: length of one, more than 2 s. */
  video: (path = '/video/', segment: Duration = '6s'): AssetRule[] => {
    const half: Duration = `${Number.parseFloat(segment) / 2}${segment.replace(/^[\d.]+/, '') as 's'}`
    const playlists = ['m3u8', 'mpd'].map(
      (ending): AssetRule => ({ path: `${path}*.${ending}`, browser: half, stale: half, cors: true, tags: ['playlists'] }),
    )
    const segments = ['ts', 'm4s', 'mp4', 'aac', 'vtt', 'webvtt'].map(
      (ending): AssetRule => ({ path: `${path}*.${ending}`, browser: YEAR, immutable: true, cors: true, tags: ['segments'] }),
    )
    return [...playlists, ...segments]
  },
} as const
