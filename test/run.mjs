/**
 * `npm test`: starts one PostgreSQL for the whole run (or uses the server that BIODM_TEST_PG names), runs tap with the
 * arguments it was given, stops the server, and ends with one line: `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countPoints } from './helpers/count-points.mjs'
import { startPostgres } from './helpers/embedded-postgres.mjs'

const scratch = await mkdtemp(join(tmpdir(), 'biodm-test-'))
const tapFile = join(scratch, 'output.tap')
const given = process.env.BIODM_TEST_PG
const server = given ? { url: given, stop: async () => {} } : await startPostgres()

const child = spawn(
  process.execPath,
  [
    join(import.meta.dirname, '../node_modules/tap/dist/esm/run.mjs'),
    `--output-file=${tapFile}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env: { ...process.env, BIODM_TEST_PG: server.url } },
)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
const code = await new Promise((resolve) => child.on('exit', (exit) => resolve(exit ?? 1)))
await server.stop()

const { passed, failed } = countPoints(await readFile(tapFile, 'utf8').catch(() => ''))
await rm(scratch, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
// The embedded server hooks into the exit and would make it 0.
process.exit(code !== 0 || failed > 0 || passed === 0 ? 1 : 0)
