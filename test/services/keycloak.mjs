/**
 * A real Keycloak for the tests of the keycloak plugin: fetched by Maven's own client into a cache folder outside the
 * checkout, started once a run on free ports with a database of its own.
 *
 * `BIODM_TEST_KEYCLOAK=http://admin:password@host:port` uses that server instead (a user of its master realm); tests make
 * and delete realms of their own there.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, freePort, run, serve } from './processes.mjs'

const VERSION = '26.5.6'
const ADMIN = { user: 'admin', password: 'admin-of-the-tests' }

/**
 * Resolves when Keycloak is ready. `env` names it for the test processes.
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>}
 */
export async function startKeycloak({ log = () => {} } = {}) {
  const given = process.env.BIODM_TEST_KEYCLOAK
  if (given !== undefined && given !== '')
    return { env: { BIODM_TEST_KEYCLOAK: given }, stop: async () => {} }

  const prepared = await preparedHome(log)
  const home = await mkdtemp(join(tmpdir(), 'biodm-keycloak-'))
  try {
    await cp(prepared, home, { recursive: true })
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

/** Starts the Keycloak unpacked in `home`; a first start takes up to three minutes on a busy machine. */
async function start(home, log) {
  const [port, management] = [await freePort(), await freePort()]
  log(`starting Keycloak ${VERSION} on port ${port}`)
  const server = await serve(
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
      name: 'Keycloak',
      url: `http://127.0.0.1:${management}/health/ready`,
      limitMs: 180_000,
      env: {
        ...process.env,
        JAVA_OPTS_KC_HEAP: '-Xms128m -Xmx768m',
        KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.user,
        KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
      },
    },
  )
  return { ...server, port }
}

/**
 * A Keycloak that has been started and stopped once: its database is made and its build done, which takes four fifths of a
 * first start. Copied for each run, so that no run sees another's realms.
 */
async function preparedHome(log) {
  const cache = cacheFolder()
  const prepared = join(cache, `keycloak-${VERSION}-prepared`)
  if (existsSync(prepared)) return prepared
  await mkdir(cache, { recursive: true })
  const scratch = await mkdtemp(join(cache, 'keycloak-'))
  try {
    const home = await fetchDistribution(scratch, log)
    const server = await start(home, log)
    await server.stop()
    await rename(home, prepared).catch((error) => {
      // Another run was faster.
      if (!existsSync(prepared)) throw error
    })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return prepared
}

/** Maven checks and unpacks the artifact; it leaves markers in its working folder, so that is a scratch one. */
async function fetchDistribution(scratch, log) {
  log(`fetching Keycloak ${VERSION} (164 MB) by Maven`)
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack'
  const artifact = `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`
  await run('mvn', ['-B', '-q', plugin, artifact, `-DoutputDirectory=${scratch}`], { cwd: scratch })
  return join(scratch, `keycloak-${VERSION}`)
}
