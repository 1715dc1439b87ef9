import type { Page } from './keyset.ts'

/** A `Link` field for a page (RFC 8288): `next`, `prev` and `first`, the other parameters of the URL kept. `url` may be relative. */
export function pageLinks(url: string, page: Pick<Page<unknown>, 'next' | 'previous'>, parameter = 'cursor'): string {
  const [path = '', query = ''] = url.split('?', 2)
  const linkTo = (cursor: string | undefined, relation: string): string => {
    const parameters = new URLSearchParams(query)
    parameters.delete(parameter)
    if (cursor !== undefined) parameters.set(parameter, cursor)
    const text = parameters.toString()
    return `<${path}${text === '' ? '' : `?${text}`}>; rel="${relation}"`
  }
  return [
    ...(page.next === undefined ? [] : [linkTo(page.next, 'next')]),
    ...(page.previous === undefined ? [] : [linkTo(page.previous, 'prev')]),
    linkTo(undefined, 'first'),
  ].join(', ')
}
