/**
 * A real Keycloak for the tests of the keycloak plugin: fetched by Maven's own client into a cache folder outside the
 * checkout, started once a run on a free port with a database file of its own, stopped with SIGTERM.
 *
 * `BIODM_TEST_KEYCLOAK=http://admin:password@host:port` uses that server instead (user of its master realm), for which
 * tests make and delete realms of their own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const VERSION = '26.5.6'
const START_LIMIT = 180_000
const ADMIN = { user: 'admin', password: 'admin-of-the-tests' }

/**
 * Resolves when Keycloak answers. `env` names it for the test processes.
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>}
 */
export async function startKeycloak({ log = () => {} } = {}) {
  const given = process.env.BIODM_TEST_KEYCLOAK
  if (given !== undefined && given !== '')
    return { env: { BIODM_TEST_KEYCLOAK: given }, stop: async () => {} }

  const cache = process.env.BIODM_CACHE ?? join(homedir(), '.cache', 'biodm-services')
  const home = await mkdtemp(join(tmpdir(), 'biodm-keycloak-'))
  try {
    await cp(await preparedHome(cache, log), home, { recursive: true })
    const server = await start(home, log)
    const stop = async () => {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    }
    const address = `http://${ADMIN.user}:${ADMIN.password}@127.0.0.1:${server.port}`
    return { env: { BIODM_TEST_KEYCLOAK: address }, stop }
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
}

/** Starts the Keycloak unpacked in `home` on free ports and waits until it is ready. */
async function start(home, log) {
  const [port, management] = [await freePort(), await freePort()]
  log(`starting Keycloak ${VERSION} on port ${port}`)
  const child = spawn(
    join(home, 'bin', 'kc.sh'),
    [
      'start-dev',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--http-management-port=${management}`,
      '--health-enabled=true',
      '--spi-group--jpa--escape-slashes-in-group-path=true',
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        JAVA_OPTS_KC_HEAP: '-Xms128m -Xmx768m',
        KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.user,
        KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
      },
    },
  )
  const output = tail(child)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await exited
    clearTimeout(killer)
  }
  try {
    await ready(child, `http://127.0.0.1:${management}/health/ready`, output)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, stop }
}

/**
 * A Keycloak that has been started and stopped once: its database is made and its build done, which takes four fifths of a
 * first start. Copied for each run, so that no run sees another's realms.
 */
async function preparedHome(cache, log) {
  const prepared = join(cache, `keycloak-${VERSION}-prepared`)
  await mkdir(cache, { recursive: true })
  if (existsSync(prepared)) return prepared
  const fresh = await mkdtemp(join(cache, 'prepare-'))
  try {
    await cp(await fetchDistribution(cache, log), fresh, { recursive: true })
    await rm(join(fresh, 'data'), { recursive: true, force: true })
    const server = await start(fresh, log)
    await server.stop()
    await rename(fresh, prepared)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return prepared
}

/** Maven checks, keeps and unpacks the artifact; it leaves markers in its working folder, so that is a scratch one. */
async function fetchDistribution(cache, log) {
  const target = join(cache, `keycloak-${VERSION}`)
  if (existsSync(join(target, 'bin', 'kc.sh'))) return target
  const scratch = await mkdtemp(join(cache, 'fetch-'))
  try {
    log(`fetching Keycloak ${VERSION} (164 MB) by Maven`)
    await run(
      'mvn',
      [
        '-B',
        '-q',
        'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack',
        `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`,
        `-DoutputDirectory=${scratch}`,
      ],
      scratch,
    )
    await rename(join(scratch, `keycloak-${VERSION}`), target)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return target
}

async function ready(child, url, output) {
  const deadline = Date.now() + START_LIMIT
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`Keycloak ended with ${child.exitCode}\n${output()}`)
    const response = await fetch(url).catch(() => null)
    if (response?.ok === true) return
    await sleep(500)
  }
  throw new Error(`Keycloak was not ready in ${START_LIMIT / 1000} s\n${output()}`)
}

/** The last lines a process wrote, for the error of a failed start. */
function tail(child) {
  let text = ''
  const keep = (chunk) => {
    text = (text + chunk).slice(-8_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return () => text
}

async function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = tail(child)
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${output()}`)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
