import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { MOUNT } from './api/client.ts'
import { App } from './app.tsx'
import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/overview.css'
import './style/tiles.css'
import './style/lists.css'
import './style/finding.css'
import './style/cache.css'
import './style/cdn.css'
import './style/postgres.css'
import './style/jobs.css'

// 'always': the browser calls itself offline when the network is cut, and the console on loopback still answers.
const queries = new QueryClient({ defaultOptions: { queries: { networkMode: 'always', retry: 1 }, mutations: { networkMode: 'always' } } })

// The browser reads the icon again when the address changes, and a relative address would then lead elsewhere.
const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
if (icon !== null) icon.setAttribute('href', icon.href)

createRoot(document.getElementById('page')!).render(
  <QueryClientProvider client={queries}>
    <Router base={MOUNT.slice(0, -1)}>
      <App />
    </Router>
  </QueryClientProvider>,
)
