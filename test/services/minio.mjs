/**
 * A real S3 service for the tests of the s3 plugin: MinIO, built once by Go's own client into a cache folder outside the
 * checkout, started once a run on free ports with a data folder of its own.
 *
 * `BIODM_TEST_S3=http://key:secret@host:port` uses that server instead; tests make and empty buckets of their own there.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, freePort, run, serve } from './processes.mjs'

const MODULE = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c'
const CREDENTIALS = { user: 'biodm-tests', password: 'secret-of-the-tests' }

/**
 * Resolves when MinIO is ready. `env` names it for the test processes.
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>}
 */
export async function startMinio({ log = () => {} } = {}) {
  const given = process.env.BIODM_TEST_S3
  if (given !== undefined && given !== '') return { env: { BIODM_TEST_S3: given }, stop: async () => {} }

  const program = await builtProgram(log)
  const data = await mkdtemp(join(tmpdir(), 'biodm-minio-'))
  try {
    const server = await startOnFreePort(program, data, log)
    const address = `http://${CREDENTIALS.user}:${CREDENTIALS.password}@127.0.0.1:${server.port}`
    const stop = async () => {
      await server.stop()
      await rm(data, { recursive: true, force: true })
    }
    return { env: { BIODM_TEST_S3: address }, stop }
  } catch (error) {
    await rm(data, { recursive: true, force: true })
    throw error
  }
}

/** Somebody else may take a port between its choice and its use. */
async function startOnFreePort(program, data, log, attempts = 3) {
  const [port, consolePort] = [await freePort(), await freePort()]
  log(`starting MinIO on port ${port}`)
  try {
    const server = await serve(
      program,
      ['server', data, '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${consolePort}`],
      {
        name: 'MinIO',
        url: `http://127.0.0.1:${port}/minio/health/ready`,
        limitMs: 30_000,
        env: {
          ...process.env,
          MINIO_ROOT_USER: CREDENTIALS.user,
          MINIO_ROOT_PASSWORD: CREDENTIALS.password,
          MINIO_BROWSER: 'off',
          MINIO_UPDATE: 'off',
        },
      },
    )
    return { port, stop: server.stop }
  } catch (error) {
    if (attempts === 1) throw error
    return await startOnFreePort(program, data, log, attempts - 1)
  }
}

async function builtProgram(log) {
  const folder = join(cacheFolder(), 'minio')
  const program = join(folder, 'minio')
  if (existsSync(program)) return program
  await mkdir(cacheFolder(), { recursive: true })
  const scratch = await mkdtemp(join(cacheFolder(), 'build-'))
  try {
    log('building MinIO by Go (about 4 minutes, once)')
    await run('go', ['install', MODULE], { env: { ...process.env, GOBIN: scratch } })
    await rename(scratch, folder)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return program
}
