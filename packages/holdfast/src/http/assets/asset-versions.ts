import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { collectConfigProblems } from '../../core/index.ts'

/** How files get their version: by their content, by when they were changed, or one for all, such as that of the package. */
export type AssetVersioning = 'hash' | 'timestamp' | { readonly semver: string }

/** Options of {@link createAssetVersions}. */
export interface AssetVersionOptions {
  /** Folder that is served. */
  readonly root: string
  /** Path under which it is served. Default `/`. */
  readonly mount?: string
  /** Default `hash`. */
  readonly by?: AssetVersioning
}

/** `current`: the URL has the version that the file has. `outdated`: another one. `none`: it has no version. `missing`: there is no such file. */
export type VersionCheck = 'current' | 'outdated' | 'none' | 'missing'

/** URLs of files with their version, and whether a URL that comes has the right one. */
export interface AssetVersions {
  /** The URL under which the file is served now: `/static/app.js?v=3Jk0xQ2cVb`. Without a version when there is no such file. At most one read of the file for each change of it. */
  url(path: string): Promise<string>
  /** Whether what is served under a URL now is what its version says. 1 look at the file. */
  check(url: string): Promise<VersionCheck>
}

/** Files remembered; beyond them they are looked at anew. */
const KNOWN_LIMIT = 10_000
/** Characters of a hash: 60 bits, far beyond chance for the versions of one file. */
const HASH_LENGTH = 10
/** Semantic Versioning 2.0.0. */
const SEMVER = /^\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/

/** @throws HF_CONFIG_INVALID */
export function createAssetVersions({ root, mount = '/', by = 'hash' }: AssetVersionOptions): AssetVersions {
  const problems = collectConfigProblems()
  if (!mount.startsWith('/')) problems.add('assets.mount', 'must begin with /')
  if (typeof by === 'object' ? !SEMVER.test(by.semver) : by !== 'hash' && by !== 'timestamp') {
    problems.add('assets.by', "must be 'hash', 'timestamp' or { semver: '1.2.3' }")
  }
  problems.throwIfAny('createAssetVersions()')
  const base = resolve(root)
  const prefix = mount.endsWith('/') ? mount : `${mount}/`
  const known = new Map<string, { readonly stamp: string; readonly version: string }>()

  const versionOf = async (path: string): Promise<string | undefined> => {
    const file = fileOf(base, path)
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined)
    if (file === undefined || !found?.isFile()) return undefined
    if (typeof by === 'object') return by.semver
    if (by === 'timestamp') return Math.floor(found.mtimeMs).toString(36)
    const stamp = `${found.mtimeMs} ${found.size}`
    const before = known.get(file)
    if (before?.stamp === stamp) return before.version
    const version = createHash('sha256')
      .update(await readFile(file))
      .digest('base64url')
      .slice(0, HASH_LENGTH)
    if (known.size >= KNOWN_LIMIT) known.clear()
    known.set(file, { stamp, version })
    return version
  }

  return {
    async url(path) {
      const bare = path.replace(/^\/+/, '')
      const version = await versionOf(bare)
      return version === undefined ? prefix + bare : `${prefix}${bare}?v=${encodeURIComponent(version)}`
    },
    async check(text) {
      const url = new URL(text, 'http://localhost')
      const version = url.pathname.startsWith(prefix) ? await versionOf(url.pathname.slice(prefix.length)) : undefined
      if (version === undefined) return 'missing'
      const given = url.searchParams.get('v')
      if (given === null) return 'none'
      return given === version ? 'current' : 'outdated'
    },
  }
}

/** `undefined` for what is outside of the folder. */
function fileOf(base: string, path: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  const file = resolve(base, `.${sep}${decoded}`)
  return file.startsWith(base + sep) && !decoded.includes('\u0000') ? file : undefined
}
