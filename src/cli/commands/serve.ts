import { loadDefinition } from '../../config/load.js'
import type { Log } from '../../log.js'
import { loadPlugin } from '../../registry.js'
import { type Serving, serve } from '../../runtime/serve.js'
import { commandLog } from '../log.js'
import { type CommonFlags, definitionOverrides, overridesOf } from '../options.js'
import { EXIT, explain } from '../output.js'
import type { Session } from '../run.js'
import { watchInputs } from '../watch.js'
import { freePort, isWorker, startWorkers, tellReady, WorkerFailed } from '../workers.js'

export interface ServeFlags extends CommonFlags {
  readonly watch?: boolean
  readonly workers?: number
}

export async function run(config: string, flags: ServeFlags, session: Session): Promise<number> {
  const parallel = flags.workers !== undefined && flags.workers > 1 && !isWorker()
  return await (parallel ? serveMany(config, flags, session) : serveOne(config, flags, session))
}

async function serveOne(config: string, flags: ServeFlags, session: Session): Promise<number> {
  const log = commandLog()
  const stop = stopSignal()
  const watch = flags.watch === true
  const serving = await serve(config, { ...overridesOf(flags), log, watch })
  surviveStrays(log)
  const watching = watch ? watchInputs(serving, () => reload(serving, log, session)) : null
  announce(serving.url, flags, session)
  await stop
  watching?.close()
  await serving.close()
  return EXIT.ok
}

async function serveMany(config: string, flags: ServeFlags, session: Session): Promise<number> {
  const definition = await loadDefinition(config, {
    loadPlugin,
    overrides: definitionOverrides(flags),
  })
  if (definition.database.url === 'sqlite::memory:') {
    session.output.err(
      'biodm: workers cannot share a database in memory: give one on disk, or leave out --workers',
    )
    return EXIT.usage
  }
  const stop = stopSignal()
  const { host, port } = definition.server
  // All of them, also those that come later, need one port.
  const args = port === 0 ? ['--port', String(await freePort(host))] : []
  const workers = startWorkers(flags.workers ?? 1, [...process.argv.slice(2), ...args], commandLog())
  try {
    announce(await Promise.race([workers.ready, stop.then(() => '')]), flags, session)
    await stop
    return EXIT.ok
  } catch (error) {
    if (error instanceof WorkerFailed) return error.exitCode
    throw error
  } finally {
    await workers.stop()
  }
}

/** The one line that a script may wait for; of several processes the first one says it. */
function announce(url: string, { json }: ServeFlags, { output }: Session): void {
  if (url === '') return
  if (isWorker()) tellReady(url)
  else output.out(json === true ? JSON.stringify({ event: 'listening', url }) : `biodm listening on ${url}`)
}

async function reload(serving: Serving, log: Log, { output }: Session): Promise<void> {
  try {
    await serving.reload()
    log.info('the new configuration is in place')
  } catch (error) {
    output.err(explain(error, false))
    log.error('the new configuration is wrong: the old one stays')
  }
}

/** A promise or timer that a plugin started and left alone may fail when nobody waits for it: that ends no server. */
function surviveStrays(log: Log): void {
  process.on('unhandledRejection', (error) => {
    log.error({ err: error }, 'a promise that nobody awaited was rejected')
  })
  process.on('uncaughtException', (error) => log.error({ err: error }, 'an error that nobody caught'))
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. A worker is often sent a signal twice, by the
 * terminal or the service manager and by its parent: only when the parent is gone it ends at once.
 */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const ask = (): void => {
      asked = true
      resolve()
    }
    const insist = (): void => {
      if (asked) process.exit(EXIT.failed)
      ask()
    }
    for (const signal of SIGNALS) process.on(signal, isWorker() ? ask : insist)
    if (isWorker()) process.on('disconnect', insist)
  })
}
