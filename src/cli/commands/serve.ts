import { loadDefinition } from '../../config/load.js'
import type { Log } from '../../log.js'
import { loadPlugin } from '../../registry.js'
import { type Serving, serve } from '../../runtime/serve.js'
import { commandLog } from '../log.js'
import { type CommonFlags, definitionOverrides, overridesOf } from '../options.js'
import { EXIT, explain } from '../output.js'
import type { Session } from '../run.js'
import { watchConfig } from '../watch.js'
import { isWorker, startWorkers, tellReady, WorkerFailed } from '../workers.js'

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
  const serving = await serve(config, { ...overridesOf(flags), log })
  const watching =
    flags.watch === true ? await watchConfig(config, () => reload(serving, log, session)) : null
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
  const workers = startWorkers(flags.workers ?? 1, process.argv.slice(2), commandLog())
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

function reload(serving: Serving, log: Log, { output }: Session): void {
  serving.reload().then(
    () => log.info('the new configuration is in place'),
    (error: unknown) => {
      output.err(explain(error, false))
      log.error('the new configuration is wrong: the old one stays')
    },
  )
}

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (): void => {
      if (asked) process.exit(EXIT.failed)
      asked = true
      resolve()
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)
    if (isWorker()) process.on('disconnect', onSignal)
  })
}
