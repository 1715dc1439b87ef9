import type { ReactElement } from 'react'
import { Link, useLocation } from 'wouter'
import { counted, span } from '../format.ts'
import type { Live } from '../live/use-live.ts'
import { WINDOWS_SEC, type WindowChoice } from '../live/use-window.ts'
import { Icon } from '../parts/icon.tsx'
import type { Theme } from '../theme.ts'

interface HeaderProps extends WindowChoice {
  readonly live: Live
  readonly theme: Theme
  toggleTheme(): void
  openHelp(): void
}

/** Name, pages, time range and the switches. */
export function Header({ live, theme, toggleTheme, windowSec, setWindow, linkTo, openHelp }: HeaderProps): ReactElement {
  const { overview } = live
  const up = overview?.instances.filter(instance => instance.state === 'up').length ?? 0
  return (
    <header className="top">
      <div className="brand">
        <Logo />
        <span className="product">Holdfast</span>
        {overview === null ? null : (
          <span className="service">
            <span className="service-name">{overview.service}</span>
            <span className="count">
              {up === overview.instances.length ? counted(up, 'instance') : `${up} of ${counted(overview.instances.length, 'instance')} up`}
            </span>
          </span>
        )}
      </div>
      <nav aria-label="Pages">
        <PageLink to="/" href={linkTo('/')} label="Overview" />
        <PageLink to="/postgres" href={linkTo('/postgres')} label="Postgres" />
        <PageLink to="/cache" href={linkTo('/cache')} label="Cache" />
        <PageLink to="/jobs" href={linkTo('/jobs')} label="Jobs" />
        <PageLink to="/findings" href={linkTo('/findings')} label="Findings" />
      </nav>
      <div className="switches">
        <fieldset className="range">
          <legend className="visually-hidden">Time range</legend>
          {WINDOWS_SEC.map(seconds => (
            <button key={seconds} type="button" aria-pressed={seconds === windowSec} onClick={() => setWindow(seconds)}>
              {span(seconds)}
            </button>
          ))}
        </fieldset>
        <button
          type="button"
          className="button"
          aria-pressed={live.paused}
          onClick={live.togglePause}
          title={live.paused ? 'Resume (p)' : 'Pause (p)'}
        >
          <Icon name={live.paused ? 'play' : 'pause'} />
          <span className="wide-only">{live.paused ? 'Resume' : 'Pause'}</span>
          <span className="visually-hidden narrow-only">{live.paused ? 'Resume' : 'Pause'}</span>
        </button>
        <button
          type="button"
          className="button icon-only"
          onClick={toggleTheme}
          aria-label={theme === 'dark' ? 'Light colours' : 'Dark colours'}
          title="Theme (t)"
        >
          <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
        </button>
        <button type="button" className="button icon-only" onClick={openHelp} aria-label="Keys" title="Keys (?)">
          <Icon name="help" />
        </button>
      </div>
    </header>
  )
}

function PageLink({ to, href, label }: { readonly to: string; readonly href: string; readonly label: string }): ReactElement {
  const [path] = useLocation()
  const current = path === to
  const within = to !== '/' && path.startsWith(`${to}/`)
  return (
    <Link href={href} className={current || within ? 'current' : ''} aria-current={current ? 'page' : undefined}>
      {label}
    </Link>
  )
}

function Logo(): ReactElement {
  return (
    <svg className="logo" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="logo-ground" />
      <path d="M16 6v13M9.500 11.500h13M8 18c0 5 3.500 8 8 8s8-3 8-8" className="logo-line" />
    </svg>
  )
}
