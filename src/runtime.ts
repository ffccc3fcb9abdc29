/** The composition root: the one place where a configuration becomes a running server. */
import type { Definition } from './config/definition.js'
import { loadDefinition } from './config/load.js'
import type { Route } from './controllers/route.js'
import type { Caller, Identity } from './identity.js'
import { type Log, silentLog } from './log.js'
import { compileModel } from './model/compile.js'
import type { Model } from './model/model.js'
import { loadPlugin } from './registry.js'
import { type Client, inProcessClient } from './runtime/client.js'
import { start, type WireOptions } from './runtime/wire.js'
import { type Listener, listen } from './server/listen.js'
import type { App } from './server/polka.js'
import type { Core } from './services/core.js'

export type { Client, ClientResponse, RequestOptions } from './runtime/client.js'

/** What stands over the file: for tests, and for the command line. */
export interface RuntimeOverrides {
  readonly database?: { readonly url?: string; readonly migrate?: 'auto' | 'check' | 'off' }
  readonly server?: { readonly host?: string; readonly port?: number }
  /** Default: nothing is logged. */
  readonly log?: Log
  /** Variables for `${NAME}`. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths of a configuration given as an object start from. Default: the working directory. */
  readonly dir?: string
  /** false: no outbox worker and no recurring tasks in this process (commands). */
  readonly background?: boolean
  /** false: plugins are not set up (commands that only look at the database). */
  readonly plugins?: boolean
}

/** Who asks in `as`; `admin` follows from the groups. */
export interface Asking {
  readonly username: string
  readonly groups?: readonly string[]
}

export interface Runtime {
  readonly definition: Definition
  readonly model: Model
  /** Every route there is, with its policy. */
  readonly routes: readonly Route[]
  readonly core: Core
  readonly app: App
  /** In-process requests of this person, or of nobody (`null`): no socket, no token. */
  as(identity: Asking | null): Client
  /** In-process requests whose headers say who asks, as over the network. */
  readonly client: Client
  /** Serves; `port` 0 takes a free one. Resolves to the public address. Default: what the configuration says. */
  listen(port?: number, host?: string): Promise<string>
  /** Stops accepting, lets what runs finish (10 s), closes plugins and database. A second call does nothing. */
  close(): Promise<void>
  /** Closes behind a server that goes on with another runtime: what is under way ends first, connections stay. */
  retire(graceMs?: number): Promise<void>
  /** What is under way ends, answers are the last on their connections, jobs stop: `close` or `retire` comes next. */
  drain(): void
  /** Says where the server is reached, when somebody else listens for it. */
  locate(url: string): void
}

const GRACE_MS = 10_000

/**
 * `config`: path of a YAML file, or its content as an object. Rejects with `ConfigError` for what is wrong with it, and
 * with an error whose message says what to do when database or plugins do not come up; then nothing stays open.
 */
export async function createRuntime(
  config: string | Readonly<Record<string, unknown>>,
  overrides: RuntimeOverrides = {},
): Promise<Runtime> {
  const definition = await loadDefinition(config, {
    loadPlugin,
    overrides: flatOverrides(overrides),
    ...(overrides.env === undefined ? {} : { env: overrides.env }),
    ...(overrides.dir === undefined ? {} : { dir: overrides.dir }),
  })
  return await runtimeOf(definition, {
    log: overrides.log ?? silentLog(),
    background: overrides.background ?? true,
    plugins: overrides.plugins ?? true,
  })
}

/** The same from a definition that is loaded already. */
export async function runtimeOf(definition: Definition, options: Omit<WireOptions, 'url'>): Promise<Runtime> {
  const model = compileModel(definition)
  const { server } = definition
  const place = { url: `http://${hostText(server.host)}:${server.port}` }
  const publicUrl = (): string => (server.url ?? place.url) + (server.basePath === '/' ? '' : server.basePath)
  const wired = await start(model, { ...options, url: publicUrl })
  const { app, core, routes } = wired
  let listener: Listener | null = null
  let closing: Promise<void> | null = null

  const drain = (): void => {
    app.drain()
    void wired.rest()
  }
  const retire = async (graceMs = GRACE_MS): Promise<void> => {
    await settled(app, graceMs)
    app.close()
    await wired.close()
  }
  const stop = async (): Promise<void> => {
    const end = Date.now() + GRACE_MS
    drain()
    await listener?.close(GRACE_MS)
    await retire(end - Date.now())
  }
  const identityOf = ({ username, groups = [] }: Asking): Identity =>
    Object.freeze({ username, groups: Object.freeze([...groups]), admin: groups.includes(server.adminGroup) })

  return Object.freeze({
    definition,
    model,
    routes,
    core,
    app,
    client: inProcessClient(app.handle, server.basePath),
    as: (asking: Asking | null) => {
      const caller: Caller = asking === null ? null : identityOf(asking)
      return inProcessClient(app.handle, server.basePath, caller)
    },
    locate: (url: string) => {
      place.url = url
    },
    listen: async (port = server.port, host = server.host) => {
      if (closing !== null) throw new Error('the runtime is closed')
      if (listener !== null) throw new Error('the runtime is listening already')
      listener = await listen(() => app, { host, port, urlLimit: server.limits.query, log: core.log })
      place.url = `http://${hostText(host)}:${listener.address.port}`
      return publicUrl()
    },
    close: () => {
      closing ??= stop()
      return closing
    },
    drain,
    retire: (graceMs?: number) => {
      closing ??= retire(graceMs)
      return closing
    },
  })
}

/** Waits until nothing is under way, at most `graceMs`. */
async function settled(app: App, graceMs: number): Promise<void> {
  const end = Date.now() + graceMs
  while (app.active > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
}

const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** Overrides as `loadDefinition` takes them. */
export function flatOverrides({ server = {}, database = {} }: RuntimeOverrides) {
  return {
    ...(server.host === undefined ? {} : { host: server.host }),
    ...(server.port === undefined ? {} : { port: server.port }),
    ...(database.url === undefined ? {} : { database: database.url }),
    ...(database.migrate === undefined ? {} : { migrate: database.migrate }),
  }
}
