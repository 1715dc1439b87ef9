export { maintenanceErrors } from './errors.ts'
export { type VacuumOptions, type VacuumReport, vacuumTable } from './vacuum-table.ts'
export type { VacuumProgress } from './watch-vacuum.ts'
