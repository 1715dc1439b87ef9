export { cacheFolder } from './cache-folder.ts'
export { DevServicesError, type DevServicesErrorCode, type DevServicesErrorDefinition, type DevServicesErrorDetails, errors } from './errors.ts'
export type { DevServices, PostgresService, RedisService, ServiceExit, ServiceOrigin } from './service.ts'
export { type DevServicesOptions, type ServiceKind, startServices } from './start-services.ts'
