/** Things to stop at the end, last started first. A failing one does not keep the others from stopping. */
export interface Cleanup {
  add(stop: () => Promise<unknown>): void
  run(): Promise<void>
}

/** An empty list. */
export function createCleanup(): Cleanup {
  const stops: (() => Promise<unknown>)[] = []
  return {
    add: stop => void stops.push(stop),
    async run() {
      for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop().catch(() => undefined)
    },
  }
}
