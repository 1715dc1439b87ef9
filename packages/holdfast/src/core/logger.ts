/** The part of a pino logger that Holdfast calls. Any logger of this shape will do. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = (): void => {}

/** Says nothing. The default, so that a library never writes to a stream it was not given. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
