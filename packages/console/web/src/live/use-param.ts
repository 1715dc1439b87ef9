import { useCallback } from 'react'
import { useLocation, useSearch } from 'wouter'

/** One parameter of the address, so that a link shows what its sender saw. Setting null takes it away; other parameters stay. */
export function useParam(name: string): readonly [string | null, (value: string | null) => void] {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const set = useCallback(
    (value: string | null) => navigate(withParam(`${path}${search === '' ? '' : `?${search}`}`, name, value), { replace: true }),
    [navigate, path, search, name],
  )
  return [new URLSearchParams(search).get(name), set]
}

/** The address with one parameter set, or taken away by null. */
export function withParam(address: string, name: string, value: string | null): string {
  return withParams(address, { [name]: value })
}

/** The address with parameters set, or taken away by null. */
export function withParams(address: string, values: Readonly<Record<string, string | null>>): string {
  const [path = '', search = ''] = address.split('?', 2)
  const params = new URLSearchParams(search)
  for (const [name, value] of Object.entries(values)) {
    if (value === null) params.delete(name)
    else params.set(name, value)
  }
  return params.size === 0 ? path : `${path}?${params}`
}
