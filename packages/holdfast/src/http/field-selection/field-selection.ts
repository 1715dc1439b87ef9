import { collectConfigProblems } from '../../core/index.ts'
import { httpErrors } from '../errors.ts'
import { quotedColumn, quotedName } from '../sql-names.ts'

/** What clients may ask for by `fields=`. */
export interface FieldSelectionOptions<Name extends string> {
  /** The fields by the names that clients use, each with its column: `{ zipCode: 'l.zip_code' }`. The column is quoted when it goes into SQL, part by part
   *  between the dots. What is not in here cannot be asked for. 1 to 200. */
  readonly fields: Readonly<Record<Name, string>>
  /** Selected when nothing is asked for. Default: all. */
  readonly byDefault?: readonly NoInfer<Name>[]
  /** Selected always, for example the key. Default: none. */
  readonly always?: readonly NoInfer<Name>[]
  /** Most fields of one request. Default 50. */
  readonly max?: number
}

/** Some of the fields, in one order whatever the request's. */
export interface SelectedFields<Name extends string> {
  readonly names: readonly Name[]
  /** What stands after SELECT: `"l"."zip_code" as "zipCode", …`. */
  readonly sql: string
  /** The one spelling of this selection, for URLs and keys. */
  readonly canonical: string
}

/** Lets clients say which fields they need, from a list. */
export interface FieldSelection<Name extends string> {
  /** Reads `fields=a,b`; absent or empty: the default. Names are told apart by case, repeats do not count. @throws HF_HTTP_FIELDS_INVALID */
  select(text: string | readonly string[] | undefined): SelectedFields<Name>
  /** For `canonicalQuery` of a route of the response cache: all spellings of a selection are one URL. What cannot be read stays as it is. */
  readonly canonical: (text: string) => string
}

/** Longer values are refused unread. */
const LONGEST_TEXT = 2000
const FIELD_LIMIT = 200

/** Prepares a selection. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createFieldSelection<Name extends string>(options: FieldSelectionOptions<Name>): FieldSelection<Name> {
  const { fields, always = [], max = 50 } = options
  const names = Object.keys(fields) as Name[]
  check(options, names)
  const known = new Map(names.map(name => [name as string, name]))
  const required = new Set(always)
  const made = (wanted: ReadonlySet<Name>): SelectedFields<Name> => {
    const chosen = names.filter(name => wanted.has(name) || required.has(name))
    return {
      names: chosen,
      sql: chosen.map(name => `${quotedColumn(fields[name])} as ${quotedName(name)}`).join(', '),
      canonical: chosen.join(),
    }
  }
  const usual = made(new Set(options.byDefault ?? names))

  const select: FieldSelection<Name>['select'] = text => {
    const asked = typeof text === 'string' || text === undefined ? (text ?? '') : text.join()
    if (asked === '') return usual
    if (asked.length > LONGEST_TEXT) throw refused(`the selection is ${asked.length} characters long, allowed are ${LONGEST_TEXT}`)
    const wanted = new Set<Name>()
    for (const part of asked.split(',')) {
      const name = known.get(part.trim())
      if (name === undefined) throw refused(`there is no field ${JSON.stringify(part.trim().slice(0, 40))}; known are ${names.join(', ')}`)
      wanted.add(name)
    }
    if (wanted.size > max) throw refused(`${wanted.size} fields are selected, allowed are ${max}`)
    return made(wanted)
  }
  return {
    select,
    canonical: text => {
      try {
        return select(text).canonical
      } catch {
        return text
      }
    },
  }
}

function refused(why: string): Error {
  return httpErrors.create('HF_HTTP_FIELDS_INVALID', why)
}

function check<Name extends string>({ fields, byDefault, always, max = 50 }: FieldSelectionOptions<Name>, names: readonly Name[]): void {
  const problems = collectConfigProblems()
  if (names.length === 0 || names.length > FIELD_LIMIT) problems.add('fields', `must have 1 to ${FIELD_LIMIT}, has ${names.length}`)
  for (const name of names) {
    if (!/^[A-Za-z_][\w.-]{0,62}$/.test(name)) problems.add(`fields.${name}`, 'must be a letter or _, then letters, digits, _ . or -')
    const column: unknown = fields[name]
    if (typeof column !== 'string' || !column.split('.').every(part => /^[^\0]{1,63}$/.test(part)))
      problems.add(`fields.${name}`, 'is no column name')
  }
  if (!(Number.isSafeInteger(max) && max >= 1)) problems.add('max', `must be a whole number of 1 or more, is ${max}`)
  for (const [option, list] of Object.entries({ byDefault, always })) {
    for (const name of list ?? []) if (!Object.hasOwn(fields, name)) problems.add(option, `names ${name}, which is no field`)
  }
  problems.throwIfAny('createFieldSelection()')
}
