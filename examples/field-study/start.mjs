#!/usr/bin/env node
// Serves the example; the first time, makes its administrator and loads its data:
//   node examples/field-study/start.mjs [serve options]
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { load } from './load.mjs'

const PASSWORD = process.env.BIODM_PASSWORD ?? 'antarctic-admin'
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const cli = here('../../dist/src/cli/main.js')
const config = here('biodm.yaml')

const added = spawnSync(
  process.execPath,
  [cli, 'user', 'add', config, 'admin', '--group', 'admin', '--password-stdin'],
  { input: PASSWORD, stdio: ['pipe', 'ignore', 'pipe'] },
)
const isNew = added.status === 0

const server = spawn(process.execPath, [cli, 'serve', config, ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal))
server.on('exit', (code) => {
  process.exitCode = code ?? 1
})

for await (const line of createInterface({ input: server.stdout })) {
  const url = /^biodm listening on (\S+)$/.exec(line)?.[1]
  if (url !== undefined && isNew) await load(url, PASSWORD)
  console.log(line)
}
