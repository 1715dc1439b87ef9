export { runtimeErrors } from './errors.ts'
export { type Holdfast, type HoldfastOptions, holdfast } from './holdfast.ts'
export type { InstanceSnapshot } from './instance-snapshot.ts'
export type { OwnPoolConfig } from './own-pool.ts'
