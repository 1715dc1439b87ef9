/** Share of the time for trials that is kept for trials of several indexes at once. */
const TOGETHER_SHARE = 0.1

/** When the first of the tables that are left has to end, so that on a slow machine the others come to something, too: each gets its part of the time that is left by its `work`, and
 *  what it does not need falls to those after it. Pure. */
export function turnEndMs(nowMs: number, deadlineMs: number, [mine = 0, ...others]: readonly number[]): number {
  const all = others.reduce((sum, work) => sum + work, mine)
  return nowMs + (Math.max(0, deadlineMs - nowMs) * (1 - TOGETHER_SHARE) * mine) / Math.max(1, all)
}

/** The first of every list, then the second of every list, and so on: where the time ends early, each has had its likeliest. Pure. */
export function byRank<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map(list => list.length))
  return Array.from({ length: longest }, (_, rank) => lists.flatMap(list => list.slice(rank, rank + 1))).flat()
}
