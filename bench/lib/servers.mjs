/** The servers that are measured, each a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))

/** Starts a program that prints `… listening on <url>`; `started` is in ms until that line. */
async function start(args, env) {
  const began = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: path('.'),
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000)
  })
  const lines = createInterface({ input: child.stdout })
  const url = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const match = /listening on (\S+)/.exec(line)
      if (match !== null) resolve(match[1])
    })
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${errors}`)))
  })
  return {
    url,
    pid: child.pid,
    started: performance.now() - began,
    async stop() {
      if (child.exitCode !== null) return
      child.removeAllListeners('exit')
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export const startBiodm = (config, database) =>
  start([path('dist/src/cli/main.js'), 'serve', path(`bench/configs/${config}.yaml`)], {
    BENCH_DATABASE: database,
    BENCH_OBJECTS: join(tmpdir(), `biodm-bench-objects-${process.pid}`),
  })

export const startLimits = (kind, database) =>
  start([path(`bench/limits/${kind}.mjs`)], { BENCH_DATABASE: database })
