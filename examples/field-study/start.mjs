#!/usr/bin/env node
// Serves the example and, the first time, loads its data: node examples/field-study/start.mjs [serve options]
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { load } from './load.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const cli = here('../../dist/src/cli/main.js')
const server = spawn(process.execPath, [cli, 'serve', here('biodm.yaml'), ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal))
server.on('exit', (code) => {
  process.exitCode = code ?? 1
})

for await (const line of createInterface({ input: server.stdout })) {
  const url = /^biodm listening on (\S+)$/.exec(line)?.[1]
  if (url !== undefined) {
    const response = await fetch(`${url}/studies?fields=id`)
    if ((await response.json()).length === 0) await load(url)
  }
  console.log(line)
}
