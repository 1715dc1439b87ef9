import { ROUTE_DOCS } from './route-docs.ts'

/** The actions on a finding are one documented address. */
const patternOf = (path: string): RegExp =>
  new RegExp(`^/${path.replaceAll(/:(\w+)/g, (_, name) => (name === 'action' ? '(?:apply|verify|revert)' : '[^/]+'))}$`)

const ADDRESSES = ROUTE_DOCS.map(({ method, path }) => ({ method: method.toUpperCase(), pattern: patternOf(path) }))

/** The methods that an address answers, as the field Allow has them; none: there is no such address. */
export function allowedMethods(path: string): readonly string[] {
  const methods = ADDRESSES.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}
