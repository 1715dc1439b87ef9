import type { Lifecycle } from 'holdfast/core'

/** Throws unless the component keeps the lifecycle contract: start and stop are idempotent and may overlap, stop works without start and
 *  after a stop, start after stop is refused. `create` makes a fresh component each time. `rounds` overlapping start-stop races are run. */
export async function stressLifecycle(create: () => Lifecycle | Promise<Lifecycle>, rounds = 10): Promise<void> {
  const untouched = await create()
  await untouched.stop()
  await untouched.stop()

  const twice = await create()
  await Promise.all([twice.start(), twice.start()])
  await Promise.all([twice.stop(), twice.stop()])
  await refusesRestart(twice)

  for (let round = 0; round < rounds; round++) {
    const raced = await create()
    const starting = raced.start().catch(() => undefined)
    await Promise.all([starting, raced.stop(), raced.stop()])
    await refusesRestart(raced)
  }

  const disposed = await create()
  await disposed.start()
  await disposed[Symbol.asyncDispose]()
  await refusesRestart(disposed)
}

async function refusesRestart(component: Lifecycle): Promise<void> {
  const code = await component.start().then(
    () => 'started',
    error => (error as { code?: string }).code,
  )
  if (code !== 'HF_BUG_LIFECYCLE') throw new Error(`start after stop must be refused with HF_BUG_LIFECYCLE, got ${code}`)
}
