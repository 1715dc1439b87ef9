/** Where the console is mounted: the path under which `api/` and `assets/` lie, with a slash at its end. Taken from the address of this very
 *  script, because the server may stand behind a proxy that adds a prefix of which it knows nothing. */
export function mountPath(scriptUrl: string): string {
  const scriptPath = new URL(scriptUrl).pathname
  const end = scriptPath.lastIndexOf('/assets/')
  return end < 0 ? '/' : scriptPath.slice(0, end + 1)
}
