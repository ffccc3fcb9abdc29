/** Starts and stops the plugins of a runtime, in their order and its reverse. */
import type { PluginUse } from '../config/definition.js'
import type { Log } from '../log.js'
import type { PluginInstance, RuntimeTools } from '../plugin.js'
import { bounded } from '../services/hooks/time.js'

/** A plugin did not start. The message names it and says why. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
}

export interface RunningPlugins {
  /** What `ctx.managers` shows; the same object from the start, filled as the plugins come up. */
  readonly managers: Readonly<Record<string, unknown>>
  /** `ready` of each plugin that has one; a rejection or anything but true-like is false. */
  ready(): Promise<Readonly<Record<string, boolean>>>
  start(uses: readonly PluginUse[], tools: (plugin: string) => RuntimeTools): Promise<void>
  /** In reverse order; a failure is logged and stops nothing. */
  stop(): Promise<void>
}

const SETUP_MS = 60_000
const READY_MS = 1_500
const CLOSE_MS = 5_000
const NEVER = new AbortController().signal

export function createPlugins(log: Log): RunningPlugins {
  const managers: Record<string, unknown> = {}
  const running: { readonly name: string; readonly instance: PluginInstance }[] = []

  const startOne = async (use: PluginUse, tools: RuntimeTools): Promise<void> => {
    const { plugin, name } = use
    if (plugin.setup === undefined) return
    const setup = plugin.setup as (options: unknown, tools: unknown) => Promise<PluginInstance | undefined>
    const work = () => setup(use.options, { runtime: tools, log: log.child({ plugin: name }) })
    const instance = await bounded(work, SETUP_MS, NEVER, `setup of the plugin ${name}`).catch(
      (cause: unknown) => {
        const inner = innermost(cause)
        throw new PluginError(`the plugin \`${name}\` did not start: ${reason(inner)}`, { cause: inner })
      },
    )
    if (instance === undefined || instance === null) return
    if (typeof instance !== 'object') {
      throw new PluginError(
        `the plugin \`${name}\` did not start: setup must return { manager, ready, close } or nothing`,
      )
    }
    running.push({ name, instance })
    managers[name] = instance.manager
  }
  const stopOne = async ({ name, instance }: (typeof running)[number]): Promise<void> => {
    try {
      await bounded(async () => instance.close?.(), CLOSE_MS, NEVER, `close of the plugin ${name}`)
    } catch (error) {
      log.error({ plugin: name, err: error }, 'a plugin did not close cleanly')
    }
  }
  return {
    managers,
    async ready() {
      const asked = running.filter(({ instance }) => instance.ready !== undefined)
      const states = await Promise.all(
        asked.map(async ({ name, instance }) => {
          const ask = async () => instance.ready?.()
          const state = await bounded(ask, READY_MS, NEVER, `ready of the plugin ${name}`).catch(() => false)
          return [name, state !== false] as const
        }),
      )
      return Object.fromEntries(states)
    },
    async start(uses, tools) {
      for (const use of uses) await startOne(use, tools(use.name))
      Object.freeze(managers)
    },
    async stop() {
      for (const one of running.splice(0).reverse()) await stopOne(one)
    },
  }
}

const innermost = (cause: unknown): unknown =>
  cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
