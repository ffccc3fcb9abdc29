/** Serving: one listener, behind it the runtime of the configuration as it is now. */
import { Inputs } from '../config/inputs.js'
import { loadDefinition } from '../config/load.js'
import type { Log } from '../log.js'
import { loadPlugin } from '../registry.js'
import { flatOverrides, type Runtime, type RuntimeOverrides, runtimeOf } from '../runtime.js'
import { type Listener, listen } from '../server/listen.js'
import { freshPlugins } from './fresh-modules.js'

export interface Serving {
  readonly url: string
  /**
   * Swaps in the configuration as it is now; requests under way end on the old one. Rejects with what is wrong and leaves
   * everything as it was.
   */
  reload(): Promise<void>
  /** What the last load looked at, whether it succeeded or not. */
  readonly inputs: Inputs
  close(): Promise<void>
}

export interface ServeOptions extends Pick<RuntimeOverrides, 'server' | 'database'> {
  readonly log: Log
  /** `reload` sees changed modules of plugins too. */
  readonly watch?: boolean
}

const GRACE_MS = 10_000

export async function serve(
  config: string,
  { log, watch = false, ...overrides }: ServeOptions,
): Promise<Serving> {
  const loader = watch ? freshPlugins() : () => loadPlugin
  let inputs = new Inputs()
  const load = async (): Promise<Runtime> => {
    inputs = new Inputs()
    const definition = await loadDefinition(config, {
      loadPlugin: loader(inputs),
      inputs,
      overrides: flatOverrides(overrides),
    })
    return await runtimeOf(definition, { log, background: true, plugins: true })
  }
  let current = await load()
  const { host, port, limits } = current.definition.server
  let listener: Listener
  try {
    listener = await listen(() => current.app, { host, port, urlLimit: limits.query, log })
  } catch (error) {
    await current.close()
    throw error
  }
  const local = `http://${host.includes(':') ? `[${host}]` : host}:${listener.address.port}`
  current.locate(local)
  let closing: Promise<void> | null = null
  let swapping: Promise<void> = Promise.resolve()

  const swap = async (): Promise<void> => {
    const next = await load()
    next.locate(local)
    warnOfFixed(current, next, log)
    const old = current
    current = next
    await old.retire()
  }
  return {
    url: local + (current.definition.server.basePath === '/' ? '' : current.definition.server.basePath),
    get inputs() {
      return inputs
    },
    reload() {
      const result = swapping.then(swap)
      swapping = result.catch(() => undefined)
      return result
    },
    close() {
      closing ??= (async () => {
        await swapping
        const end = Date.now() + GRACE_MS
        current.drain()
        await listener.close(GRACE_MS)
        await current.retire(end - Date.now())
      })()
      return closing
    },
  }
}

/** What a running listener cannot take over. */
function warnOfFixed(old: Runtime, next: Runtime, log: Log): void {
  const before = old.definition.server
  const after = next.definition.server
  const changed = (['host', 'port'] as const).filter((key) => before[key] !== after[key])
  if (changed.length > 0) log.warn({ changed }, 'these settings of the server need a restart')
  if (next.definition.database.url === 'sqlite::memory:') {
    log.warn('the database is in memory: the new configuration starts with an empty one')
  }
}
