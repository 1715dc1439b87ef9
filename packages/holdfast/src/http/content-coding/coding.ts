import { listMembers } from '../fields/fields.ts'

/** A content coding that answers are stored in beside their own (RFC 9110 8.4.1). */
export type Coding = 'zstd' | 'br' | 'gzip'

/** The part of node's `process` by which code that also runs elsewhere finds its modules. */
interface WithBuiltins {
  readonly process?: { getBuiltinModule?(name: string): object | undefined }
}

/** Zstandard came to node with 22.15. */
const hasZstd: boolean = 'zstdCompress' in ((globalThis as WithBuiltins).process?.getBuiltinModule?.('node:zlib') ?? {})

/** The codings of this node, the one to choose first at equal wishes first. */
export const CODINGS: readonly Coding[] = hasZstd ? ['zstd', 'br', 'gzip'] : ['br', 'gzip']

/** Few different values are sent by browsers and clients; what a hostile one invents is not kept beyond this. */
const KNOWN_LIMIT = 1000
const known = new Map<string, Coding | undefined>()

/** The coding to answer with by an Accept-Encoding value (RFC 9110 12.5.3): the one wished most, at equal wishes the first of {@link CODINGS}; `undefined`:
 *  as it is. An absent field asks for nothing, and gets the answer as it is. */
export function preferredCoding(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return undefined
  if (known.has(acceptEncoding)) return known.get(acceptEncoding)
  const coding = choose(acceptEncoding)
  if (known.size >= KNOWN_LIMIT) known.clear()
  known.set(acceptEncoding, coding)
  return coding
}

function choose(acceptEncoding: string): Coding | undefined {
  const wishes = new Map<string, number>()
  for (const member of listMembers(acceptEncoding.toLowerCase())) {
    const [name = '', ...parameters] = member.split(';').map(part => part.trim())
    if (!wishes.has(name)) wishes.set(name === 'x-gzip' ? 'gzip' : name, weightOf(parameters))
  }
  const others = wishes.get('*') ?? 0
  // Not named, it is acceptable and nothing that is asked for: any coding that is comes before it.
  let most = wishes.get('identity') ?? 0
  let chosen: Coding | undefined
  for (const coding of CODINGS) {
    const weight = wishes.get(coding) ?? others
    if (weight > most || (weight === most && weight > 0 && chosen === undefined)) {
      most = weight
      chosen = coding
    }
  }
  return chosen
}

/** RFC 9110 12.4.2. A weight that is none counts as 0: the coding is not understood well enough to be sent. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  if (weight === undefined) return 1
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0
}
