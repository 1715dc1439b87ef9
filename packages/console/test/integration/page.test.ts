import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createRegistry } from 'holdfast/telemetry'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConsoleOptions, serveConsole } from '../../src/index.ts'
import { claimsOfTheCachePage, type PageTools } from '../fixtures/cache-page-claims.ts'
import { claimsOfTheCdns } from '../fixtures/cdn-page-claims.ts'
import { claimsOfTheJobsPage } from '../fixtures/jobs-page-claims.ts'
import { openLine } from '../fixtures/line.ts'
import { claimsOfThePostgresPage } from '../fixtures/postgres-page-claims.ts'
import { axeViolations, launchBrowser, newReader } from '../fixtures/reader.ts'
import { createStage, STAGE_TOKEN, type Stage } from '../fixtures/stage.ts'

const SCREENSHOTS = fileURLToPath(new URL('../screenshots/', import.meta.url))
const JS_LIMIT_BYTES = 150_000
const SIGN_IN = `?t=${STAGE_TOKEN}`

let browser: Browser
let assetsDir: string

// The page under test is built here, because an older build would pass or fail for the wrong reason.
beforeAll(async () => {
  assetsDir = await mkdtemp(join(tmpdir(), 'holdfast-page-'))
  buildPage(assetsDir)
  await mkdir(SCREENSHOTS, { recursive: true })
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await rm(assetsDir, { recursive: true, force: true })
})

/** A process of its own: the environment of a test would make it React's development build. */
function buildPage(outDir: string): void {
  const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')))
  const config = fileURLToPath(new URL('../../vite.config.ts', import.meta.url))
  const env = { ...process.env, NODE_ENV: 'production' }
  execFileSync(process.execPath, [vite, 'build', '--config', config, '--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'], { env })
}

/** A served console with a minute and a half of traffic behind it. */
async function served(options: Partial<ConsoleOptions> = {}, before: (stage: Stage) => void = () => {}, helps = true, registry = createRegistry()) {
  const stage = createStage({ assetsDir, ...options }, helps, registry)
  before(stage)
  const server = await serveConsole(stage.console)
  await stage.pass(90)
  stage.runOn()
  return {
    stage,
    ...server,
    origin: new URL(server.url).origin,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

const overviewShown = (page: Page) => page.getByRole('region', { name: 'Verdict' }).waitFor()
const findingShown = (page: Page) => page.getByRole('heading', { level: 1, name: /Missing index/ }).waitFor()
const foreign = (requested: readonly string[], origin: string) => requested.filter(url => !url.startsWith(`${origin}/`))

describe.each(['light', 'dark'] as const)('in %s', colorScheme => {
  it('shows the overview with every axe rule kept, on wide and narrow screens, asking no other host', async () => {
    await using console = await served({}, ({ console, clock }) => {
      console.publishEvent({ atMs: clock.nowMs() + 70_000, kind: 'load', text: 'step plain started, 60 req/s' })
      console.publishLoad({ step: 'plain', arrivalPerSec: 60, valid: true, p50Ms: { value: 33, n: 1800 }, p95Ms: { value: 83, n: 1800 }, errors: 0 })
    })
    await using reader = await newReader(browser, { colorScheme })
    const { page } = reader
    await page.goto(console.url)
    await overviewShown(page)

    expect(await page.getByRole('region', { name: 'Verdict' }).textContent()).toMatch(
      /objective is broken: all routes p95 \d+\sms > 50\sms\s*n [\d,]+/,
    )
    expect(await page.getByRole('link', { name: /H-01/ }).textContent()).toMatch(
      /Missing index.*saves 853\sms each second.*97\s% of statement time\s*n 1,620/,
    )
    expect(await page.getByRole('img', { name: /^Latency, last 1\smin\. p95: latest .* limit 50\sms\.$/ }).count()).toBe(1)
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(colorScheme)
    expect(await axeViolations(page)).toEqual([])
    await page.screenshot({ path: join(SCREENSHOTS, `overview-${colorScheme}.png`), fullPage: true })

    for (const width of [360, 1600]) {
      await page.setViewportSize({ width, height: 900 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
      await page.screenshot({ path: join(SCREENSHOTS, `overview-${colorScheme}-${width}.png`), fullPage: true })
    }
    await page.setViewportSize({ width: 360, height: 800 })
    expect(await axeViolations(page)).toEqual([])
    expect(reader.errors).toEqual([])
    expect(reader.requested.length).toBeGreaterThan(3)
    expect(foreign(reader.requested, console.origin)).toEqual([])
  })

  it('shows the finding before and after the fix, and its dialog, with every axe rule kept', async () => {
    await using console = await served({ environment: 'production' })
    await using reader = await newReader(browser, { colorScheme })
    const { page } = reader
    await page.goto(console.url)
    await page.getByRole('link', { name: /H-01/ }).click()
    await findingShown(page)
    expect(await axeViolations(page)).toEqual([])
    await page.screenshot({ path: join(SCREENSHOTS, `finding-${colorScheme}.png`), fullPage: true })

    await page.getByRole('button', { name: 'Apply…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Apply this change?' })
    expect(await dialog.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true)
    expect(await axeViolations(page)).toEqual([])
    await page.screenshot({ path: join(SCREENSHOTS, `apply-${colorScheme}.png`) })
    await page.keyboard.type('H-01')
    await page.keyboard.press('Enter')
    await page.getByText('applied, measuring').first().waitFor()

    await page.getByRole('button', { name: 'Measure now' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Measure' }).click()
    const proof = page.getByRole('region', { name: 'Proof' })
    await proof.getByText('fixed').waitFor()
    expect(await proof.textContent()).toMatch(/28\s×\sfaster.*before\s*33\.5\sms ±0\.78\sms n 1,620.*after\s*1\.21\sms ±0\.04\sms n 1,584/)
    expect(await axeViolations(page)).toEqual([])
    const barWidths = await proof.locator('.proof-bar').evaluateAll(bars => bars.map(bar => bar.clientWidth))
    expect(new Set(barWidths).size).toBe(1)
    await page.screenshot({ path: join(SCREENSHOTS, `proof-${colorScheme}.png`), fullPage: true })

    await page.setViewportSize({ width: 360, height: 800 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(await axeViolations(page)).toEqual([])
    expect(reader.errors).toEqual([])
    expect(foreign(reader.requested, console.origin)).toEqual([])
  })
})

it('is worked by the keyboard alone', async () => {
  await using console = await served()
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(console.url)
  await overviewShown(page)

  await page.keyboard.press('j')
  expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.finding)).toBe('H-01')
  await page.keyboard.press('Enter')
  await findingShown(page)
  expect(new URL(page.url()).pathname).toBe('/findings/H-01')
  await page.keyboard.press('g')
  await page.keyboard.press('o')
  await overviewShown(page)
  expect(new URL(page.url()).pathname).toBe('/')

  await page.keyboard.press('p')
  await page.getByText(/Paused at \d\d:\d\d:\d\d/).waitFor()
  await page.keyboard.press(' ')
  await page.getByText(/Paused at/).waitFor({ state: 'detached' })
  await page.keyboard.press('t')
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark')
  await page.reload()
  await overviewShown(page)
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark')

  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  expect(await axeViolations(page)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })

  const tableButton = page.getByRole('button', { name: 'View Latency as table' })
  await tableButton.press('Enter')
  const table = page.getByRole('dialog', { name: 'Latency' })
  expect(await table.getByRole('row').count()).toBeGreaterThan(50)
  expect(await axeViolations(page)).toEqual([])
  await page.keyboard.press('Escape')
  expect(await tableButton.evaluate(button => button === document.activeElement)).toBe(true)

  await page.getByRole('button', { name: /GET \/agents/ }).press('Enter')
  expect(await page.getByRole('row', { name: /^PostgreSQL \d+\sms \d+\sms$/ }).count()).toBe(1)
  expect(await axeViolations(page)).toEqual([])
  expect(reader.errors).toEqual([])
})

it('keeps the values when the line is cut, says since when, and comes back by itself', async () => {
  await using console = await served()
  await using line = await openLine(console.port)
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(line.url + SIGN_IN)
  await overviewShown(page)
  await page.getByRole('link', { name: /H-01/ }).waitFor()

  await line.cut()
  await page.getByText(/Console not reachable since \d\d:\d\d:\d\d, trying again/).waitFor()
  expect(await page.getByRole('link', { name: /H-01/ }).count()).toBe(1)
  expect(await page.getByRole('region', { name: 'Verdict' }).textContent()).toMatch(/p95 \d+\sms/)
  expect(await page.title()).toBe('? leads · Holdfast')
  expect(await axeViolations(page)).toEqual([])
  await page.screenshot({ path: join(SCREENSHOTS, 'overview-line-cut.png') })

  await line.mend()
  await page.getByText(/Console not reachable/).waitFor({ state: 'detached' })
  expect(await page.title()).not.toContain('?')
})

it('says so, and stops trying, when the console was restarted with another token', async () => {
  await using first = await served()
  await using line = await openLine(first.port)
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(line.url + SIGN_IN)
  await overviewShown(page)

  await using second = await served({ auth: { kind: 'token', token: 'another-token-than-the-first-one' } })
  line.leadTo(second.port)
  await first.stop()
  await page.getByText('The console no longer accepts this page.').waitFor()
  expect(await page.getByRole('link', { name: /H-01/ }).count()).toBe(1)
})

it('works below a prefix that the console knows nothing of, deep links and actions included', async () => {
  await using console = await served()
  await using line = await openLine(console.port, '/ops/holdfast/')
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(`${line.url}findings/H-01${SIGN_IN}&window=300`)
  await findingShown(page)
  expect(page.url()).toBe(`${line.url}findings/H-01?window=300`)
  await page.getByRole('button', { name: 'Apply…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click()
  await page.getByText('applied, measuring').first().waitFor()

  await page.getByRole('link', { name: 'Findings' }).click()
  await page.getByRole('heading', { level: 1, name: 'Findings' }).waitFor()
  expect(page.url()).toBe(`${line.url}findings?window=300`)
  await page.getByRole('cell', { name: 'applied, measuring' }).waitFor()
  expect(await axeViolations(page)).toEqual([])
  await page.reload()
  await page.getByRole('cell', { name: 'applied, measuring' }).waitFor()
  await page.getByRole('link', { name: 'Overview' }).click()
  await overviewShown(page)
  expect(await page.getByRole('button', { name: /^5\smin$/ }).getAttribute('aria-pressed')).toBe('true')
  expect(reader.errors).toEqual([])
  expect(reader.requested.filter(url => !url.startsWith(line.url))).toEqual([])
})

it('says "no samples" instead of a zero where nothing was measured', async () => {
  await using console = await served({}, ({ traffic }) => {
    traffic.perSec = 0
  })
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(console.url)
  await overviewShown(page)
  expect(await page.getByRole('region', { name: 'Verdict' }).textContent()).toContain('Not enough requests yet')
  const errors = await page.getByRole('article').filter({ hasText: 'Errors' }).textContent()
  expect(errors).toContain('no samples')
  expect(await page.getByRole('img', { name: 'Errors, last 1 min. error ratio: no samples.' }).count()).toBe(1)
  expect(await page.getByText('No requests in the last 1 min.').count()).toBe(1)
  expect(await axeViolations(page)).toEqual([])
})

it('says why the service is degraded and which instance is away', async () => {
  await using console = await served({}, ({ traffic, clock }) => {
    traffic.health = {
      status: 'degraded',
      reasons: [{ component: 'redis', why: 'not reachable; the cache keeps to this process', sinceMs: clock.nowMs() }],
    }
  })
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(console.url)
  const health = page.getByRole('region', { name: 'Health' })
  await health.waitFor()
  expect(await health.textContent()).toMatch(
    /Degraded: .*redis: not reachable; the cache keeps to this process since \d\d:\d\d:\d\d \(\d+\s(s|min)\)/s,
  )
  expect(await axeViolations(page)).toEqual([])

  console.stage.traffic.away = true
  await page.getByRole('region', { name: 'Instances' }).getByText('away', { exact: true }).waitFor()
  expect(await page.getByRole('region', { name: 'Instances' }).textContent()).toContain('ECONNREFUSED')
  await page.screenshot({ path: join(SCREENSHOTS, 'overview-away.png'), fullPage: true })
  // The newest bucket lacks the instance: hatched in the charts, named in their tables.
  await page.getByRole('button', { name: 'View Requests as table' }).click()
  expect(await page.getByRole('dialog').getByRole('row').nth(1).textContent()).toContain('(partial)')
})

it('says that a change had no effect, and offers to revert it', async () => {
  await using console = await served({}, () => {}, false)
  await using reader = await newReader(browser)
  const { page } = reader
  await console.stage.advisor.apply('H-01')
  await console.stage.advisor.verify('H-01')
  await page.goto(console.url)
  await page.getByRole('link', { name: /H-01.*no effect/ }).click()
  await findingShown(page)
  expect(await page.getByRole('region', { name: 'Proof' }).textContent()).toMatch(/no effect.*reverting it is offered/)
  await page.screenshot({ path: join(SCREENSHOTS, 'proof-no-effect.png'), fullPage: true })
  await page.getByRole('button', { name: 'Revert…' }).click()
  await page.getByRole('dialog', { name: 'Revert this change?' }).getByRole('button', { name: 'Revert', exact: true }).click()
  await page.getByText('Reverted: the index was dropped.').waitFor()
})

it('offers no action to a reader who may only look', async () => {
  await using console = await served({ auth: { kind: 'custom', verify: async () => 'view' } })
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(`${console.origin}/findings/H-01`)
  await findingShown(page)
  expect(await page.getByRole('button', { name: 'Save migration' }).count()).toBe(1)
  expect(await page.getByRole('button', { name: 'Apply…' }).count()).toBe(0)
})

it('shows what the console answers when an action is refused', async () => {
  await using console = await served()
  await using reader = await newReader(browser)
  const { page } = reader
  await page.goto(console.url)
  await page.getByRole('link', { name: /H-01/ }).click()
  await page.getByRole('button', { name: 'Apply…' }).click()
  // Meanwhile somebody else applied it.
  await console.stage.advisor.apply('H-01')
  await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click()
  const alert = page.getByRole('alert')
  await alert.waitFor()
  expect(await alert.textContent()).toContain('HF_BUG_FINDING_TRANSITION')
})

it('saves the change as a migration that says how to undo it', async () => {
  await using console = await served()
  await using reader = await newReader(browser, { acceptDownloads: true })
  const { page } = reader
  await page.goto(console.url)
  await page.getByRole('link', { name: /H-01/ }).click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save migration' }).click()])
  expect(download.suggestedFilename()).toMatch(/^\d{14}_h_01_missing_index\.sql$/)
  const text = await readFile(await download.path(), 'utf8')
  expect(text).toContain('\nCREATE INDEX CONCURRENTLY lead_assignment_agent_id_status_idx ON lead_assignment (agent_id, status);\n')
  expect(text).toContain('-- DROP INDEX CONCURRENTLY lead_assignment_agent_id_status_idx;')
})

const tools: PageTools = {
  screenshots: SCREENSHOTS,
  serve: (options, before, registry) => served(options, before, true, registry),
  read: options => newReader(browser, options),
}
claimsOfTheCachePage(tools)
claimsOfTheCdns(tools)
claimsOfThePostgresPage(tools)
claimsOfTheJobsPage(tools)

it('weighs at most 150 kB of gzipped JavaScript', async () => {
  const files = (await readdir(assetsDir, { recursive: true })).filter(file => file.endsWith('.js'))
  expect(files.length).toBeGreaterThan(0)
  const sizes = await Promise.all(files.map(async file => gzipSync(await readFile(join(assetsDir, file)), { level: 9 }).length))
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0)
  process.stderr.write(`the page's JavaScript: ${totalBytes} bytes gzipped\n`)
  expect(totalBytes).toBeLessThan(JS_LIMIT_BYTES)
})
