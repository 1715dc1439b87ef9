// What of core runs on any platform. Code that runs in a worker imports it from here: the index leads to modules of node, and a bundler that meets them warns or fails, also
// where nothing of them is used.
export { type Clock, systemClock } from './clock.ts'
export { type ConfigProblems, collectConfigProblems } from './config-problems.ts'
export { type Duration, parseDurationMs } from './duration.ts'
export { type Logger, silentLogger } from './logger.ts'
export { isSignedBy, parseSignature, SIGNATURE_FIELD } from './purge-signature.ts'
export { parseSizeBytes, type Size } from './size.ts'
export { isTag, MAX_TAGS } from './tag.ts'
