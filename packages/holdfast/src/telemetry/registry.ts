import { telemetryErrors } from './errors.ts'
import { createHistogram, type Histogram, type HistogramSnapshot } from './histogram.ts'

/** A value of every label of a family, in the order in which the family names them. */
export type LabelValues = readonly string[]

/** What a metric is. The name ends in its base unit; counters get `_total` when rendered. */
export interface MetricOptions {
  /** Snake case, for example `holdfast_cache_hits`. */
  readonly name: string
  /** One sentence for the people who read `/metrics`. */
  readonly help: string
  /** Base unit (`seconds`, `bytes`, `ratio`), when it has one; the name must end in it. */
  readonly unit?: string
  readonly labels?: readonly string[]
}

/** A count that only grows. Keep the bound counter in a field: `add` is one addition. */
export interface Counter {
  add(amount?: number): void
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number): void
}

/** A metric with labels. `bind` finds or makes the series; call it once, outside the hot path, and keep what it returns. */
export interface MetricFamily<Bound> {
  /** The series of these label values. Beyond the label cap, the series in which every label is `other`. */
  bind(...values: LabelValues): Bound
}

/** One series as plain data. */
export interface SeriesSnapshot {
  readonly labels: LabelValues
  /** Of a counter or a gauge. */
  readonly value?: number
  readonly histogram?: HistogramSnapshot
}

/** One metric as plain data. */
export interface FamilySnapshot {
  readonly name: string
  readonly help: string
  readonly unit?: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly series: readonly SeriesSnapshot[]
}

/** The one place where measurements live. The console, `/metrics`, alerts and load reports read snapshots of it. */
export interface Registry {
  counter(options: MetricOptions): MetricFamily<Counter>
  gauge(options: MetricOptions): MetricFamily<Gauge>
  histogram(options: MetricOptions): MetricFamily<Histogram>
  /** Calls `read` when somebody takes a snapshot; for values that exist elsewhere already. Returns the function that removes it. */
  onSnapshot(read: () => void): () => void
  snapshot(): readonly FamilySnapshot[]
}

/** Options of {@link createRegistry}. */
export interface RegistryOptions {
  /** Label sets a family may hold before further ones fall into `other`. Default 1,000: a series costs up to 40 kB as a histogram, 200 bytes as a counter. */
  readonly seriesLimit?: number
}

/** Label value of everything beyond the cap. */
export const OVERFLOW_LABEL = 'other'

/** An empty registry. */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const seriesLimit = options.seriesLimit ?? 1000
  const families = new Map<string, AnyFamily>()
  const readers = new Set<() => void>()

  const register = <Bound extends Readable>(type: FamilySnapshot['type'], metric: MetricOptions, create: () => Bound): MetricFamily<Bound> => {
    const existing = families.get(metric.name)
    if (existing !== undefined) return sameFamily(existing, type, metric) as unknown as MetricFamily<Bound>
    const family = new Family(type, metric, seriesLimit, create, () => overflow.add(metric.name))
    families.set(metric.name, family)
    return family
  }

  const registry: Registry = {
    counter: metric => register('counter', metric, () => new NumberCell()),
    gauge: metric => register('gauge', metric, () => new NumberCell()),
    histogram: metric => register('histogram', metric, () => new HistogramCell()),
    onSnapshot(read) {
      readers.add(read)
      return () => readers.delete(read)
    },
    snapshot() {
      for (const read of readers) read()
      return [...families.values()].map(family => family.snapshot())
    },
  }
  const overflowCounter = registry.counter({
    name: 'holdfast_telemetry_series_overflow',
    help: 'Label sets that were counted under "other" because their metric was full.',
    labels: ['metric'],
  })
  const overflow = { add: (name: string) => overflowCounter.bind(name).add() }
  return registry
}

interface Readable {
  read(): Omit<SeriesSnapshot, 'labels'>
}
type AnyFamily = Family<Readable>

class NumberCell implements Counter, Gauge, Readable {
  #value = 0

  add(amount = 1): void {
    this.#value += amount
  }

  set(value: number): void {
    this.#value = value
  }

  read(): { value: number } {
    return { value: this.#value }
  }
}

class HistogramCell implements Histogram, Readable {
  readonly #histogram = createHistogram()

  record(value: number): void {
    this.#histogram.record(value)
  }

  snapshot(): HistogramSnapshot {
    return this.#histogram.snapshot()
  }

  merge(other: HistogramSnapshot): void {
    this.#histogram.merge(other)
  }

  reset(): void {
    this.#histogram.reset()
  }

  read(): { histogram: HistogramSnapshot } {
    return { histogram: this.#histogram.snapshot() }
  }
}

class Family<Bound extends Readable> implements MetricFamily<Bound> {
  readonly #type: FamilySnapshot['type']
  readonly #options: MetricOptions
  readonly #seriesLimit: number
  readonly #create: () => Bound
  readonly #onOverflow: () => void
  readonly #series = new Map<string, { labels: LabelValues; bound: Bound }>()

  constructor(type: FamilySnapshot['type'], options: MetricOptions, seriesLimit: number, create: () => Bound, onOverflow: () => void) {
    this.#type = type
    this.#options = options
    this.#seriesLimit = seriesLimit
    this.#create = create
    this.#onOverflow = onOverflow
  }

  get type(): FamilySnapshot['type'] {
    return this.#type
  }

  get labels(): readonly string[] {
    return this.#options.labels ?? []
  }

  bind(...values: LabelValues): Bound {
    if (values.length !== this.labels.length) {
      throw telemetryErrors.create('HF_BUG_METRIC_LABELS', `${this.#options.name} has ${this.labels.length} labels, got ${values.length} values`)
    }
    // Separated by a character that cannot stand in a label, so that ('a', 'bc') and ('ab', 'c') stay apart.
    const key = values.join('\u0000')
    const existing = this.#series.get(key)
    if (existing !== undefined) return existing.bound
    if (this.#series.size < this.#seriesLimit || values.every(value => value === OVERFLOW_LABEL)) return this.#add(key, values)
    this.#onOverflow()
    return this.bind(...values.map(() => OVERFLOW_LABEL))
  }

  snapshot(): FamilySnapshot {
    const { name, help, unit } = this.#options
    const series = [...this.#series.values()].map(({ labels, bound }) => ({ labels, ...bound.read() }))
    return { name, help, ...(unit === undefined ? {} : { unit }), type: this.#type, labels: this.labels, series }
  }

  #add(key: string, labels: LabelValues): Bound {
    const bound = this.#create()
    this.#series.set(key, { labels, bound })
    return bound
  }
}

function sameFamily(existing: AnyFamily, type: FamilySnapshot['type'], metric: MetricOptions): AnyFamily {
  if (existing.type === type && existing.labels.join() === (metric.labels ?? []).join()) return existing
  throw telemetryErrors.create(
    'HF_BUG_METRIC_CONFLICT',
    `${metric.name} is registered already as a ${existing.type} with labels [${existing.labels.join(', ')}]`,
  )
}
