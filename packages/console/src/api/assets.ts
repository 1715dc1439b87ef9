import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { consoleErrors } from '../errors.ts'

/** Where Vite puts the page; the same from `src` and from `dist`. */
export const BUILT_PAGE_DIR: string = fileURLToPath(new URL('../../dist/web/', import.meta.url))

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}
/** One path segment that cannot climb. */
const FILE_NAME = /^[\w-][\w.-]*$/
/** Vite's names: `index-BX2f9aQ1.js`. Their content never changes. */
const HASHED_NAME = /-[\w-]{8,}\.\w+$/

/** The built page. */
export interface Assets {
  /** `index.html`, or a text that says how to build it. `toMount` leads from the page's address to the mount: `./`, or `../` for a page one level down,
   *  whose relative addresses would otherwise miss the files. */
  index(toMount: './' | '../'): Promise<Response>
  /** @throws HF_CONSOLE_NOT_FOUND for a file that is not there or has no known type. */
  file(folder: '' | 'assets', name: string): Promise<Response>
}

/** Serves the page from `directory`. Read at each request: a rebuilt page shows without a restart. */
export function createAssets(directory: string): Assets {
  const read = (...path: string[]): Promise<Uint8Array<ArrayBuffer> | undefined> =>
    readFile(join(directory, ...path)).then(
      content => new Uint8Array(content),
      () => undefined,
    )
  return {
    async index(toMount) {
      const page = await read('index.html')
      if (page !== undefined)
        return respond(new TextEncoder().encode(new TextDecoder().decode(page).replaceAll('="./', `="${toMount}`)), '.html', 'no-store')
      const text = 'The console is running, but its page was not built.\nBuild it with: npm run build\nThe measurements are at api/overview.\n'
      return new Response(text, { headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } })
    },
    async file(folder, name) {
      const extension = extname(name)
      const content = FILE_NAME.test(name) && extension in CONTENT_TYPES ? await read(folder, name) : undefined
      if (content === undefined)
        throw consoleErrors.create('HF_CONSOLE_NOT_FOUND', `the page has no file ${folder === '' ? name : `${folder}/${name}`}`)
      return respond(content, extension, HASHED_NAME.test(name) ? 'private, max-age=31536000, immutable' : 'no-cache')
    },
  }
}

function respond(content: Uint8Array<ArrayBuffer>, extension: string, cacheControl: string): Response {
  return new Response(content, { headers: { 'content-type': CONTENT_TYPES[extension]!, 'cache-control': cacheControl } })
}
