/** What every plugin promises, as tests for any runner whose `t` has `test(name, run)`: node:test, tap, and others. */
import assert from 'node:assert/strict'
import { ConfigError } from '../config/diagnostics.js'
import { loadDefinition } from '../config/load.js'
import { silentLog } from '../log.js'
import type { Plugin } from '../plugin.js'
import { type Runtime, runtimeOf } from '../runtime.js'

/** The part of a test context that the suite uses. */
export interface SuiteContext {
  test(name: string, run: () => Promise<void>): unknown
}

export interface PluginSuiteOptions {
  /** Options with which the plugin can be set up. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Further top-level keys of the configuration: resources that use its traits and hooks, other plugins by name. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Loads the other plugins that `config` names. */
  readonly loadPlugin?: (specifier: string) => Promise<Plugin>
}

const SPECIFIER = './plugin-under-test.js'

/**
 * Static form, options, start, several runtimes side by side, close. Await it: the checks run one after another.
 *
 *     test('it behaves like a plugin', (t) => shouldBehaveLikeAPlugin(t, plugin, { options: { channel: 'x' } }))
 */
export async function shouldBehaveLikeAPlugin(
  t: SuiteContext,
  plugin: Plugin,
  suite: PluginSuiteOptions = {},
): Promise<void> {
  const starting = () => start(plugin, suite, suite.options ?? {})

  await t.test('it is made by definePlugin and has a name that can prefix its hooks', async () => {
    assert.match(plugin.name, /^[a-z][a-z0-9-]*$/)
    assert.ok(Object.isFrozen(plugin), 'the default export comes from definePlugin')
  })

  await t.test('its hooks have a stage and run', async () => {
    for (const [name, hook] of Object.entries(plugin.hooks ?? {})) {
      assert.ok(['prefix', 'postfix'].includes(hook.stage), `${plugin.name}.${name} is a prefix or a postfix`)
      assert.equal(typeof hook.run, 'function', `${plugin.name}.${name} runs`)
    }
  })

  await t.test('its traits name hooks that exist', async () => {
    const own = new Set(Object.keys(plugin.hooks ?? {}).map((name) => `${plugin.name}.${name}`))
    for (const [trait, { hooks = {} }] of Object.entries(plugin.traits ?? {})) {
      for (const ref of Object.values(hooks).flatMap(({ prefix = [], postfix = [] }) => [
        ...prefix,
        ...postfix,
      ])) {
        const name = typeof ref === 'string' ? ref : ref.use
        assert.ok(own.has(name) || !name.startsWith(`${plugin.name}.`), `trait ${trait} names ${name}`)
      }
    }
  })

  await t.test('an option that its schema does not know is refused at its place', async () => {
    await assert.rejects(start(plugin, suite, { ...suite.options, 'no such option': true }), ConfigError)
  })

  await t.test('it starts, says whether it is ready, and closes; closing twice does nothing', async () => {
    const runtime = await starting()
    try {
      const { status } = await runtime.client.get('/ready')
      assert.ok(status === 200 || status === 503, '/ready answers')
    } finally {
      await runtime.close()
    }
    await runtime.close()
  })

  await t.test('two runtimes with it live side by side and share no manager', async () => {
    const one = await starting()
    const two = await starting().catch(async (error: unknown) => {
      await one.close()
      throw error
    })
    try {
      const [first, second] = [one.core.managers[plugin.name], two.core.managers[plugin.name]]
      if (typeof first === 'object' && first !== null) assert.notEqual(first, second)
    } finally {
      await one.close()
      await two.close()
    }
  })
}

async function start(
  plugin: Plugin,
  { config = {}, loadPlugin }: PluginSuiteOptions,
  options: Readonly<Record<string, unknown>>,
): Promise<Runtime> {
  const { plugins = {}, ...rest } = config as { plugins?: Readonly<Record<string, unknown>> }
  const definition = await loadDefinition(
    {
      name: 'suite',
      database: { url: 'sqlite::memory:' },
      ...rest,
      plugins: { ...plugins, [SPECIFIER]: options },
    },
    {
      loadPlugin: async (specifier) => {
        if (specifier === SPECIFIER) return plugin
        if (loadPlugin === undefined) throw new Error(`give \`loadPlugin\` to load ${specifier}`)
        return await loadPlugin(specifier)
      },
    },
  )
  return await runtimeOf(definition, { log: silentLog(), background: true, plugins: true })
}
