// nginx and Varnish from private copies of Debian's packages, in front of an origin. Nothing is installed.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const home = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'holdfast-bench')

/** Where the package is unpacked, with what it needs and the system lacks. @throws with the reason when it cannot be had */
function privateCopy(name) {
  const folder = join(home, `${name}-${process.arch}`)
  if (existsSync(folder)) return folder
  mkdirSync(home, { recursive: true })
  const draft = mkdtempSync(join(home, 'unpacking-'))
  try {
    const archives = join(draft, 'archives')
    mkdirSync(join(archives, 'partial'), { recursive: true })
    const options = [
      '-o',
      `Dir::Cache::archives=${archives}`,
      '-o',
      'Debug::NoLocking=1',
      '-o',
      'APT::Sandbox::User=root',
      '-o',
      'Acquire::http::Timeout=20',
    ]
    execFileSync('apt-get', ['install', '--download-only', '--no-install-recommends', '-y', '-q', ...options, name], {
      stdio: 'pipe',
      timeout: 60_000,
    })
    for (const file of readdirSync(archives).filter(each => each.endsWith('.deb')))
      execFileSync('dpkg-deb', ['-x', join(archives, file), join(draft, 'root')], { stdio: 'pipe' })
    renameSync(join(draft, 'root'), folder)
  } catch (error) {
    throw new Error(
      String(error.stderr ?? error.message)
        .trim()
        .split('\n')
        .at(-1),
      { cause: error },
    )
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}

function libraries(folder) {
  return ['lib', 'usr/lib', 'usr/lib/varnish']
    .map(name => join(folder, name))
    .filter(path => existsSync(path))
    .flatMap(base => [
      base,
      ...readdirSync(base)
        .filter(name => name.includes('-linux-'))
        .map(name => join(base, name)),
      join(base, 'varnish'),
    ])
    .join(':')
}

function start(folder, program, args, cwd) {
  const child = spawn(join(folder, program), args, {
    cwd,
    env: { ...process.env, LD_LIBRARY_PATH: libraries(folder) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', text => {
      said = `${said}${text}`.slice(-2000)
    })
  return { child, said: () => said }
}

export function startNginx(port, originPort) {
  const folder = privateCopy('nginx')
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'))
  writeFileSync(
    join(cwd, 'nginx.conf'),
    `daemon off; pid ${cwd}/pid; error_log stderr error; worker_processes 1; ${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; sendfile on;
  client_body_temp_path ${cwd}/body; proxy_temp_path ${cwd}/proxy; fastcgi_temp_path ${cwd}/f; uwsgi_temp_path ${cwd}/u; scgi_temp_path ${cwd}/s;
  proxy_cache_path ${cwd}/cache keys_zone=hits:10m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${originPort}; proxy_cache hits; add_header X-Cache $upstream_cache_status; }
  }
}\n`,
  )
  const { child, said } = start(folder, 'usr/sbin/nginx', ['-p', cwd, '-e', 'stderr', '-c', join(cwd, 'nginx.conf')], cwd)
  return { child, said, clean: () => rmSync(cwd, { recursive: true, force: true }) }
}

export function startVarnish(port, originPort) {
  const folder = privateCopy('varnish')
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-varnish-'))
  const vmods = readdirSync(join(folder, 'usr/lib'), { recursive: true }).find(name => name.endsWith('varnish/vmods'))
  writeFileSync(join(cwd, 'default.vcl'), `vcl 4.1;\nbackend origin { .host = "127.0.0.1"; .port = "${originPort}"; }\n`)
  const args = ['-F', '-j', 'none', '-n', join(cwd, 'work'), '-a', `127.0.0.1:${port}`, '-f', join(cwd, 'default.vcl'), '-s', 'malloc,64m']
  const paths = ['-p', `vmod_path=${join(folder, 'usr/lib', vmods ?? '')}`, '-p', 'thread_pools=1', '-p', 'timeout_idle=60']
  const { child, said } = start(folder, 'usr/sbin/varnishd', [...args, ...paths], cwd)
  return { child, said, clean: () => rmSync(cwd, { recursive: true, force: true }) }
}
