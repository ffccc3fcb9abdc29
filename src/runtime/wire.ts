/** From a compiled model to everything that runs: database, schema, plugins, workers, routes, application. */
import { demand } from '../access/static.js'
import type { Route } from '../controllers/route.js'
import type { Caller } from '../identity.js'
import type { Log } from '../log.js'
import type { Database } from '../managers/database.js'
import { migrateAtStart, requireMigrated } from '../managers/migrate.js'
import { absentFile, openDatabase } from '../managers/open.js'
import { outboxStats } from '../managers/outbox.js'
import type { Model } from '../model/model.js'
import { objectionModels } from '../model/objection.js'
import { createMetrics } from '../server/metrics.js'
import { type App, createApp } from '../server/polka.js'
import type { Core, Job } from '../services/core.js'
import { createOutboxWorker, type OutboxWorker } from '../services/outbox/worker.js'
import { backgroundContext, runtimeTools } from '../services/plugin-tools.js'
import { recordRead } from '../services/record-read.js'
import { serviceFactory } from '../services/service.js'
import { createTaskRunner, type TaskRunner, type TaskUse } from '../services/tasks.js'
import { authenticatorOf } from './authenticator.js'
import { createPlugins } from './plugins.js'
import { routesOf } from './routes.js'
import { timed } from './timed.js'

export interface WireOptions {
  readonly log: Log
  /** Runs the outbox worker and recurring tasks in this process. */
  readonly background: boolean
  /** false: plugins are not set up, for commands that only look at the database. */
  readonly plugins: boolean
  readonly url: () => string
  /** true: neither a database nor a table is made; what is missing is an error. */
  readonly looks?: boolean
}

export interface Wired {
  readonly app: App
  readonly core: Core
  readonly routes: readonly Route[]
  /** Jobs and tasks stop; requests go on. */
  rest(): Promise<void>
  close(): Promise<void>
}

/** A statement gives up a little before its request does, so that a 504 mostly means that nothing was written. */
const STATEMENT_SHARE = 0.9

/** Nothing stays open when it rejects. */
export async function start(model: Model, options: WireOptions): Promise<Wired> {
  const { log } = options
  const { definition } = model
  const absent = options.looks === true ? absentFile(definition.database) : null
  if (absent !== null) throw new Error(`there is no database ${absent}`)
  const metrics = createMetrics()
  const plugins = createPlugins(log)
  const database = await openDatabase(definition.database, {
    log,
    timeoutMs: Math.ceil(STATEMENT_SHARE * definition.server.timeoutMs),
    model,
  })
  let workers: Workers | null = null
  const rest = async (): Promise<void> => workers?.stop()
  const close = async (): Promise<void> => {
    await rest()
    await plugins.stop()
    await database.close()
  }
  try {
    if (options.looks === true) await requireMigrated(database, model)
    else await migrateAtStart(database, model, log)
    const core = createCore(model, timed(database, metrics), options, metrics, plugins.managers, () =>
      workers?.outbox.wake(),
    )
    if (options.plugins) await plugins.start(definition.plugins, (name) => runtimeTools(core, name))
    metrics.watch({ database, outbox: () => outboxStats(database) })
    const routes = routesOf(model, () => core, {
      ping: () => database.ping(),
      managers: () => plugins.ready(),
      metrics: () => metrics.text(),
    }).map((route) => (definition.history.reads ? recorded(core, route) : route))
    const app = createApp({
      definition,
      routes,
      log,
      metrics,
      authenticator: authenticatorOf(core),
      demand: ({ route, caller }) => demandRules(core, route, caller),
    })
    if (options.background) {
      workers = createWorkers(core)
      workers.start()
    }
    announce(model, log)
    return { app, core, routes, rest, close }
  } catch (error) {
    await close()
    throw error
  }
}

function createCore(
  model: Model,
  database: Database,
  { log, url }: WireOptions,
  metrics: Core['metrics'],
  managers: Core['managers'],
  wakeOutbox: () => void,
): Core {
  const { definition } = model
  const objection = objectionModels(model)
  const core: Core = {
    model,
    database,
    log,
    enforce: definition.enforce,
    managers,
    jobs: jobsOf(model),
    objection: (knex) => objection(knex),
    wakeOutbox,
    service: (scope) => serviceFactory(core, scope),
    metrics,
    url,
  }
  return core
}

function jobsOf(model: Model): ReadonlyMap<string, Job> {
  return new Map(
    model.definition.plugins.flatMap(({ name, plugin, options }) =>
      Object.entries(plugin.jobs ?? {}).map(
        ([job, run]) => [`${name}.${job}`, Object.freeze({ plugin: name, settings: options, run })] as const,
      ),
    ),
  )
}

function demandRules({ model, enforce }: Core, route: Route | null, caller: Caller): void {
  const guard = route?.policy.guard
  if (guard === undefined || guard.kind === 'open') return
  for (const { resource, verb } of guard.rules) demand(model.resource(resource), verb, caller, enforce)
}

const READS: ReadonlySet<Route['action']['kind']> = new Set(['list', 'read', 'related', 'collection_list'])

/** A route that reads, with its record in the history. */
function recorded(core: Core, route: Route): Route {
  const { action } = route
  if (!READS.has(action.kind) || !('resource' in action) || action.resource === null) return route
  const { resource } = action
  const run: Route['run'] = async (request) => {
    const answer = await route.run(request)
    await recordRead(core, request, resource, request.params[0] ?? null)
    return answer
  }
  return { ...route, run }
}

interface Workers {
  readonly outbox: OutboxWorker
  readonly tasks: TaskRunner
  start(): void
  stop(): Promise<void>
}

function createWorkers(core: Core): Workers {
  const { database, log, metrics, jobs, model } = core
  const outbox = createOutboxWorker({
    database,
    log,
    metrics,
    jobs,
    context: (job, signal) => backgroundContext(core, job, signal),
    timeoutMs: model.definition.server.timeoutMs,
  })
  const tasks = createTaskRunner({ database, log, metrics, tasks: tasksOf(core) })
  let stopped: Promise<void> | null = null
  return {
    outbox,
    tasks,
    start() {
      outbox.start()
      tasks.start()
    },
    stop() {
      stopped ??= Promise.all([outbox.stop(), tasks.stop()]).then(() => undefined)
      return stopped
    },
  }
}

function tasksOf(core: Core): readonly TaskUse[] {
  return core.model.definition.plugins.flatMap(({ name, plugin, options }) =>
    Object.entries(plugin.tasks ?? {}).map(([task, { every, run }]) => ({
      name: `${name}.${task}`,
      every,
      run: (signal: AbortSignal) => run(backgroundContext(core, { plugin: name, settings: options }, signal)),
    })),
  )
}

/** What everybody who starts an open server is told. */
function announce({ definition }: Model, log: Log): void {
  if (definition.enforce) return
  const why = definition.auth ? 'no authenticator is loaded' : 'the configuration says `auth: off`'
  log.warn(`everything is open to everybody: ${why}`)
}
