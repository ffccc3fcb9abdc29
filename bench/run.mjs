/**
 * Side-by-side measurements: biodm and hand-written limit handlers in the same run, interleaved, best of the rounds. Only
 * ratios count: machines are noisy.
 *
 *   node bench/run.mjs [--only TEXT] [--rounds 12] [--seconds 0.5] [--connections 8] [--no-save]
 *
 * PostgreSQL: the server that BIODM_BENCH_PG (or BIODM_TEST_PG) names, else one that is started for the run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { memoryOf, postgresCpu, postmasterOf, processCpu } from './lib/cpu.mjs'
import { fillPostgres, fillSqlite } from './lib/data.mjs'
import { load } from './lib/load.mjs'
import { printed, save } from './lib/report.mjs'
import { startBiodm, startLimits } from './lib/servers.mjs'
import { WORKLOADS } from './workloads/index.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '0.5' },
    connections: { type: 'string', default: '8' },
    'no-save': { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const milliseconds = Number(options.seconds) * 1000
const connections = Number(options.connections)
const chosen = WORKLOADS.filter(({ name }) => name.includes(options.only))
const needs = (database) => chosen.some((workload) => workload.database === database)

const cleanups = []
try {
  const servers = {
    ...(needs('postgres') ? await postgresServers() : {}),
    ...(needs('sqlite') ? await sqliteServers() : {}),
  }
  const rows = []
  for (const workload of chosen) {
    process.stderr.write(`${workload.name} …\n`)
    rows.push(await measure(workload, servers[workload.database]))
  }
  const footprint = options.only === '' ? await footprints(servers) : []
  console.log(printed(rows, footprint))
  if (!options['no-save']) save(rows, footprint, { rounds, milliseconds, connections })
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup()
}

async function postgresServers() {
  const server = await postgresUrl()
  const urls = {}
  for (const config of ['open', 'rules', 'files']) {
    const name = `biodm_bench_${config}_${process.pid}`
    const admin = new pg.Client(server)
    await admin.connect()
    await admin.query(`CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`)
    await admin.end()
    cleanups.push(async () => {
      const again = new pg.Client(server)
      await again.connect()
      await again.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
      await again.end()
    })
    const url = new URL(server)
    url.pathname = `/${name}`
    urls[config] = url.href
  }
  const biodm = await started(startBiodm('open', urls.open))
  const rules = await started(startBiodm('rules', urls.rules))
  // On the same rows as the server without hooks: nothing else is to differ.
  const hooks = await started(startBiodm('hooks', urls.open))
  const files = await started(startBiodm('files', urls.files))
  await fillPostgres(urls.open, false)
  await fillPostgres(urls.rules, true)
  const limits = await started(startLimits('postgres', urls.open))
  const client = new pg.Client(urls.open)
  await client.connect()
  cleanups.push(() => client.end())
  const postmaster = await postmasterOf(client)
  return { postgres: { biodm, rules, hooks, files, limits, postmaster } }
}

async function postgresUrl() {
  const given = process.env['BIODM_BENCH_PG'] ?? process.env['BIODM_TEST_PG']
  if (given) return given
  const { startPostgres } = await import('../test/helpers/embedded-postgres.mjs')
  const server = await startPostgres()
  cleanups.push(() => server.stop())
  return server.url
}

async function sqliteServers() {
  const dir = mkdtempSync(join(tmpdir(), 'biodm-bench-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'bench.db')
  // The tables first, then the rows, then the servers: statistics are there when statements are compiled.
  const first = await startBiodm('open', `sqlite:${file}`)
  await first.stop()
  fillSqlite(file)
  const biodm = await started(startBiodm('open', `sqlite:${file}`))
  const limits = await started(startLimits('sqlite', `sqlite:${file}`))
  const files = await started(startBiodm('files', `sqlite:${join(dir, 'files.db')}`))
  return { sqlite: { biodm, files, limits, postmaster: null } }
}

async function started(starting) {
  const server = await starting
  cleanups.push(() => server.stop())
  return server
}

/** Rounds of every target in turn; the best requests a second and the least CPU a request of each. */
async function measure(workload, servers) {
  const targets = Object.entries(workload.targets)
  const best = Object.fromEntries(targets.map(([name]) => [name, { rate: 0, cpu: Number.POSITIVE_INFINITY }]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, { server, request, connections: own }] of targets) {
      const { url, pid } = servers[server]
      const before = cpuOf(pid, servers.postmaster)
      const run = await load(url, {
        connections: own ?? connections,
        milliseconds: round < 0 ? milliseconds / 2 : milliseconds,
        request,
      })
      // The first round warms up.
      if (round < 0) continue
      const cpu = before === null ? Number.NaN : (cpuOf(pid, servers.postmaster) - before) / run.requests
      const rate = (run.requests * 1000) / run.milliseconds
      best[name] = { rate: Math.max(best[name].rate, rate), cpu: Math.min(best[name].cpu, cpu) }
    }
  }
  return { ...workload, best }
}

function cpuOf(pid, postmaster) {
  const own = processCpu(pid)
  if (own === null) return null
  return own + (postmaster === null ? 0 : (postgresCpu(postmaster) ?? 0))
}

/** Start to first answer, best of three, on a database that is up to date; memory after all the load above. */
async function footprints(servers) {
  const dir = mkdtempSync(join(tmpdir(), 'biodm-start-'))
  const times = []
  for (let turn = 0; turn < 4; turn++) {
    const began = performance.now()
    const server = await startBiodm('open', `sqlite:${join(dir, 'start.db')}`)
    await fetch(`${server.url}/projects`).then((response) => response.text())
    times.push(performance.now() - began)
    await server.stop()
  }
  rmSync(dir, { recursive: true, force: true })
  const memory = Object.entries(servers).map(([database, { biodm }]) => ({
    name: `memory after load, ${database}`,
    value: memoryOf(biodm.pid),
    unit: 'MB',
    floor: 150,
    goal: 115,
  }))
  return [
    { name: 'start to first answer', value: Math.min(...times) / 1000, unit: 's', floor: 0.6, goal: 0.35 },
    ...memory,
  ]
}
