/**
 * `npm run test:services [browser|s3|keycloak|file…]`: starts the real services, runs the tests under test/services on them with tap,
 * stops whatever it started, also when it is interrupted, and ends with one line: `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { countPoints } from '../helpers/count-points.mjs'
import { startPostgres } from '../helpers/embedded-postgres.mjs'
import { startChromium } from './chromium.mjs'
import { startKeycloak } from './keycloak.mjs'
import { startMinio } from './minio.mjs'

/** Folder of tests → what they need. */
const SERVICES = {
  browser: [startChromium],
  s3: [startMinio, startChromium],
  keycloak: [startKeycloak, startChromium],
}

const root = join(import.meta.dirname, '../..')
const log = (line) => process.stderr.write(`${line}\n`)

const files = await chosenFiles(process.argv.slice(2))
const needed = Object.keys(SERVICES).filter((name) =>
  files.some((file) => relative(import.meta.dirname, file).startsWith(`${name}/`)),
)
const scratch = await mkdtemp(join(tmpdir(), 'biodm-services-'))
const running = []
let child
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true
    child?.kill(signal)
  })
}

try {
  const env = { ...process.env, BIODM_TEST_PG: await postgres() }
  for (const start of new Set(needed.flatMap((name) => SERVICES[name]))) {
    const service = await start({ log })
    running.push(service)
    Object.assign(env, service.env)
  }
  process.exitCode = interrupted ? 1 : await tap(files, env)
} finally {
  for (const service of running.reverse()) await service.stop().catch((error) => log(String(error)))
  await rm(scratch, { recursive: true, force: true })
}

async function postgres() {
  const given = process.env.BIODM_TEST_PG
  if (given) return given
  const server = await startPostgres()
  running.push(server)
  return server.url
}

async function tap(files, env) {
  const output = join(scratch, 'output.tap')
  const program = join(root, 'node_modules/tap/dist/esm/run.mjs')
  // one after the other: they share the services, and some of them measure; the everyday run excludes these folders
  const args = ['--jobs=1', '--timeout=300', '--exclude=!**', `--output-file=${output}`, ...files]
  child = spawn(process.execPath, [program, ...args], { stdio: 'inherit', env, cwd: root })
  const code = await new Promise((resolve) => child.on('exit', (exit) => resolve(exit ?? 1)))
  const { passed, failed } = countPoints(await readFile(output, 'utf8').catch(() => ''))
  console.log(`${passed} passed, ${failed} failed`)
  return code !== 0 || failed > 0 || passed === 0 ? 1 : 0
}

/** All tests, those of the named services, or the named files. */
async function chosenFiles(words) {
  const names = words.length === 0 ? Object.keys(SERVICES) : words
  const chosen = []
  for (const name of names) {
    if (name in SERVICES) {
      for await (const file of testsIn(join(import.meta.dirname, name))) chosen.push(file)
    } else chosen.push(join(process.cwd(), name))
  }
  return chosen
}

async function* testsIn(folder) {
  if (!existsSync(folder)) return
  for (const file of await readdir(folder, { recursive: true }))
    if (file.endsWith('.test.ts')) yield join(folder, file)
}
