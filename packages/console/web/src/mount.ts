/** Where the console is mounted: the path under which `api/` and `assets/` lie, with a slash at its end. Taken from the address of this very
 *  script, because the server may stand behind a proxy that adds a prefix of which it knows nothing. */
export function mountPath(scriptUrl: string, pagePath: string): string {
  const scriptPath = new URL(scriptUrl).pathname
  const end = scriptPath.lastIndexOf('/assets/')
  if (end < 0) return '/'
  const mount = scriptPath.slice(0, end + 1)
  // A page at <mount>findings/H-01 asks for <mount>findings/assets/…, when the server sends the same page for every address.
  const deep = /^(.*\/)findings\/[^/]+$/.exec(pagePath)
  if (deep !== null && mount === `${deep[1]}findings/` && !pagePath.endsWith('/findings/findings')) return deep[1]!
  return mount
}
