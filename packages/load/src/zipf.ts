/** Maps a number in [0, 1) to a rank in 1..count, where rank k has a probability in proportion to 1 / k^exponent. The table takes 8 bytes a rank,
 *  a draw O(log count). */
export function createZipf(count: number, exponent: number): (uniform: number) => number {
  const cumulative = new Float64Array(count)
  let sum = 0
  for (let k = 0; k < count; k++) {
    sum += (k + 1) ** -exponent
    cumulative[k] = sum
  }
  return uniform => {
    const target = uniform * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle]! <= target) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}
