/** What all keys of a namespace begin with. The braces keep them in one slot, as scripts need it. */
export function keyPrefix(namespace: string): string {
  return `hf:{${namespace}}:jobs`
}
