import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Interval of the event loop's own samples; the samples include it. */
const SAMPLE_MS = 10

/** Measures the thread that it is created on. */
export interface GeneratorGauge {
  /** Ends the measurement that began with the creation. */
  stop(elapsedMs: number): { readonly eventLoopP99Ms: number; readonly cpuRatio: number }
}

/** Starts measuring the calling thread. */
export function createGeneratorGauge(): GeneratorGauge {
  const loop = monitorEventLoopDelay({ resolution: SAMPLE_MS })
  const cpuBeforeMs = threadCpuMs()
  loop.enable()
  return {
    stop(elapsedMs) {
      loop.disable()
      const eventLoopP99Ms = loop.count === 0 ? 0 : Math.max(0, loop.percentile(99) / 1e6 - SAMPLE_MS)
      return { eventLoopP99Ms: round(eventLoopP99Ms), cpuRatio: round((threadCpuMs() - cpuBeforeMs) / elapsedMs) }
    },
  }
}

/** Node.js tells the processor time of a thread from 23.9; before that Linux does (proc(5), schedstat: nanoseconds on the processor). */
function threadCpuMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage }
  if (threadCpuUsage !== undefined) return usageMs(threadCpuUsage.call(process))
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6
  } catch {
    return usageMs(process.cpuUsage())
  }
}

function usageMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
