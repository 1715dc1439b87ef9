import { type ReactElement, useEffect, useState } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { CachePage } from './cache/cache-page.tsx'
import { FindingPage } from './findings/finding-page.tsx'
import { FindingsPage } from './findings/findings-page.tsx'
import { useFindingRefresh } from './findings/use-finding-refresh.ts'
import { JobsPage } from './jobs/jobs-page.tsx'
import { type Live, useLive } from './live/use-live.ts'
import { useWindow } from './live/use-window.ts'
import { OverviewPage } from './overview/overview-page.tsx'
import { PostgresPage } from './postgres/postgres-page.tsx'
import { Banners } from './shell/banners.tsx'
import { Header } from './shell/header.tsx'
import { HelpDialog } from './shell/help-dialog.tsx'
import { useShortcuts } from './shell/use-shortcuts.ts'
import { useTheme } from './theme.ts'

/** The whole page. */
export function App(): ReactElement {
  const [theme, toggleTheme] = useTheme()
  const { windowSec, setWindow, linkTo } = useWindow()
  const live = useLive(windowSec)
  const [helpOpen, setHelpOpen] = useState(false)
  const [, navigate] = useLocation()
  const openHelp = (): void => setHelpOpen(true)

  useShortcuts({
    togglePause: live.togglePause,
    toggleTheme,
    openHelp,
    goOverview: () => navigate(linkTo('/')),
    goPostgres: () => navigate(linkTo('/postgres')),
    goCache: () => navigate(linkTo('/cache')),
    goJobs: () => navigate(linkTo('/jobs')),
    goFindings: () => navigate(linkTo('/findings')),
  })
  useFindingRefresh(live.newest)
  useTitle(live)

  return (
    <>
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Header live={live} theme={theme} toggleTheme={toggleTheme} windowSec={windowSec} setWindow={setWindow} linkTo={linkTo} openHelp={openHelp} />
      <main id="main" tabIndex={-1} className={live.connection.kind === 'lost' || live.connection.kind === 'refused' ? 'stale' : undefined}>
        <Banners live={live} />
        <Switch>
          <Route path="/">
            <OverviewPage live={live} theme={theme} windowSec={windowSec} linkTo={linkTo} />
          </Route>
          <Route path="/cache">
            <CachePage live={live} theme={theme} windowSec={windowSec} />
          </Route>
          <Route path="/postgres/:tab?">
            {({ tab }) => <PostgresPage tab={tab} live={live} theme={theme} windowSec={windowSec} linkTo={linkTo} />}
          </Route>
          <Route path="/jobs">
            <JobsPage live={live} theme={theme} windowSec={windowSec} linkTo={linkTo} />
          </Route>
          <Route path="/findings">
            <FindingsPage linkTo={linkTo} />
          </Route>
          <Route path="/findings/:id">{({ id }) => <FindingPage key={id} id={id} linkTo={linkTo} />}</Route>
          <Route>
            <section className="panel empty">
              <h1>There is no page at this address</h1>
              <p>
                <Link href={linkTo('/')}>To the overview</Link>
              </p>
            </section>
          </Route>
        </Switch>
      </main>
      {helpOpen ? <HelpDialog onClose={() => setHelpOpen(false)} /> : null}
    </>
  )
}

/** The state of the service in the tab's title, so that a tab in the background can be read. */
function useTitle({ newest, connection }: Live): void {
  const broken = newest?.objectives.filter(objective => objective.state === 'broken').length ?? 0
  const service = newest?.service ?? 'console'
  const sign = connection.kind === 'lost' ? '? ' : broken > 0 ? '✗ ' : ''
  useEffect(() => {
    document.title = `${sign}${service} · Holdfast`
  }, [sign, service])
}
