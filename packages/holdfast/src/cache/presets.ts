import type { Duration } from '../core/index.ts'
import type { MemoryOptions } from './options.ts'

/** Options to begin with: spread them into those of the cache. `L`: names of lifetimes. */
export interface CachePreset<L extends string> {
  readonly lifetimes: Readonly<Record<L, Duration>>
  readonly ttl?: Duration
  readonly l1?: MemoryOptions
}

/** Named lifetimes by kind of service. They are a start: `stats()` shows by prefix which of them do not fit your traffic. */
export const cachePresets: {
  /** From a minute to a week, by name. */
  readonly general: CachePreset<'minute' | 'fiveMinutes' | 'quarterHour' | 'halfHour' | 'hour' | 'sixHours' | 'day' | 'week'>
  /** People order from menus that change daily. */
  readonly ordering: CachePreset<'profile' | 'orders' | 'menuItems' | 'dailyMenu' | 'paymentMethods' | 'analytics'>
  /** Lists and aggregates over funds, dropped by tag when one changes. */
  readonly funds: CachePreset<'calls' | 'call' | 'dashboard' | 'funds' | 'profile'>
  /** Lists of runs and issues of many tenants, a minute old at most. */
  readonly studio: CachePreset<'issues' | 'runs' | 'tests' | 'projects' | 'organisations' | 'metrics'>
  /** A short memory tier before a longer Redis: agents, availability and leads change all the time. */
  readonly marketplace: CachePreset<'availability' | 'agents' | 'leads' | 'carriers' | 'metadata'>
  /** Slow aggregates for each learner. */
  readonly learning: CachePreset<
    'userAnalytics' | 'patterns' | 'missionSummaries' | 'performance' | 'cognitiveLoad' | 'objectives' | 'predictions' | 'recommendations'
  >
} = {
  general: {
    lifetimes: { minute: '1m', fiveMinutes: '5m', quarterHour: '15m', halfHour: '30m', hour: '1h', sixHours: '6h', day: '1d', week: '1w' },
  },
  ordering: { lifetimes: { profile: '1h', orders: '5m', menuItems: '30m', dailyMenu: '2h', paymentMethods: '30m', analytics: '1h' } },
  funds: { lifetimes: { calls: '5m', call: '10m', dashboard: '5m', funds: '10m', profile: '1h' } },
  studio: { ttl: '60s', lifetimes: { issues: '60s', runs: '60s', tests: '60s', projects: '60s', organisations: '5m', metrics: '5m' } },
  marketplace: {
    ttl: '300s',
    l1: { ttl: '60s' },
    lifetimes: { availability: '60s', agents: '300s', leads: '60s', carriers: '300s', metadata: '1h' },
  },
  learning: {
    ttl: '5m',
    lifetimes: {
      userAnalytics: '5m',
      patterns: '10m',
      missionSummaries: '15m',
      performance: '5m',
      cognitiveLoad: '2m',
      objectives: '30m',
      predictions: '5m',
      recommendations: '10m',
    },
  },
}
