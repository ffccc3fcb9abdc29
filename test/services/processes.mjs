/** What the service starters share: free ports, child processes that surely end, commands that say why they failed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Outside the checkout: what is fetched once stays for later runs. */
export const cacheFolder = () => process.env.BIODM_CACHE || join(homedir(), '.cache', 'biodm-services')

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** The last characters a process wrote, for the error of a failed start. */
function tail(child) {
  let text = ''
  const keep = (chunk) => {
    text = (text + chunk).slice(-8_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return () => text
}

/** Runs a command to its end; rejects with its last words. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = tail(child)
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${output()}`)
}

/**
 * Starts a server and waits until `url` answers with success. `stop` ends it, by force when it does not listen. A server
 * that ends by itself (its port was taken) fails the start although somebody else may answer on that port.
 */
export async function serve(command, args, { env, url, limitMs, name }) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = tail(child)
  const ended = once(child, 'exit').catch(() => {})
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(killer)
  }
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline) {
    const response = await fetch(url).catch(() => null)
    await response?.arrayBuffer().catch(() => {})
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}\n${output()}`)
    if (response?.ok === true) return { pid: child.pid, stop }
    await sleep(100)
  }
  await stop()
  throw new Error(`${name} was not ready in ${limitMs / 1000} s\n${output()}`)
}
