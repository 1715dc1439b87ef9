import pg from 'pg'

/** What `pg` before 8.21 was: the state of transactions is not kept, and the callback of a query is written into the caller's config. */
export const OlderClient: typeof pg.Client = class OlderClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    Object.assign(this, { getTransactionStatus: undefined })
  }

  // biome-ignore lint/suspicious/noExplicitAny: every calling form goes through it
  override query(config: any, values?: any, callback?: any): any {
    const given = typeof values === 'function' ? values : callback
    if (given && typeof config === 'object' && !('submit' in config)) config.callback = given
    return super.query(config, values, callback)
  }
} as typeof pg.Client
