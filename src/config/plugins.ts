/** `plugins:` → loaded modules, in order, with their options checked by their own schemas. */
import type { JsonSchema, Plugin } from '../plugin.js'
import type { LoadedPlugin } from './draft.js'
import { retype, Typing, type Variables } from './interpolate.js'
import { pluginFaults } from './pluginshape.js'
import type { RawConfig } from './raw.js'
import type { Report } from './report.js'
import { formFaults, type Grammar } from './schema.js'
import type { Path } from './source.js'

export type LoadPlugin = (specifier: string, dir: string) => Promise<Plugin>

export interface LoadedPlugins {
  readonly loaded: readonly LoadedPlugin[]
  /** Specifiers of those that are wrong: what would come from them is not reported as missing too. */
  readonly failed: readonly string[]
}

export interface PluginOptions {
  readonly dir: string
  readonly load: LoadPlugin
  readonly grammar: Grammar
  readonly variables: Variables
  readonly report: Report
}

/** A plugin that cannot be loaded is a fault at its place; the others are there. */
export async function loadPlugins(raw: RawConfig['plugins'], options: PluginOptions): Promise<LoadedPlugins> {
  const loaded: LoadedPlugin[] = []
  const failed: string[] = []
  for (const [specifier, given] of Object.entries(raw ?? {})) {
    const at = ['plugins', specifier]
    const plugin = await loadOne(specifier, at, options)
    const made =
      plugin === null ? null : configured({ specifier, plugin, at, options: given ?? {} }, loaded, options)
    if (made === null) failed.push(specifier)
    else loaded.push(made)
  }
  return { loaded, failed }
}

/** With its options checked; null for one that cannot stand beside those before it. */
function configured(
  given: LoadedPlugin,
  before: readonly LoadedPlugin[],
  options: PluginOptions,
): LoadedPlugin | null {
  const { plugin, at } = given
  const { report } = options
  const twin = before.find((other) => other.plugin.name === plugin.name)
  if (twin !== undefined) {
    const message = `\`${twin.specifier}\` is a plugin of the name \`${twin.plugin.name}\` already`
    report.fault(at, message, { key: true })
    return null
  }
  const faults = report.size
  const checked = checkOptions(plugin.options, given.options, at, options)
  const fine = report.size === faults
  const first = before.find((other) => other.plugin.authenticate !== undefined)
  if (first !== undefined && plugin.authenticate !== undefined) {
    const names = `\`${first.plugin.name}\` and \`${plugin.name}\``
    report.fault(at, `two authenticators: ${names}`, { key: true, hint: 'keep one of them' })
    return null
  }
  for (const message of fine ? said(() => plugin.validate?.(checked)) : [])
    report.fault(at, message, { key: true })
  return { ...given, options: checked }
}

async function loadOne(
  specifier: string,
  at: Path,
  { dir, load, grammar, report }: PluginOptions,
): Promise<Plugin | null> {
  try {
    const plugin = await load(specifier, dir)
    const faults = pluginFaults(plugin, grammar)
    for (const fault of faults) report.fault(at, `plugin \`${plugin.name}\`: ${fault}`, { key: true })
    return faults.length === 0 ? plugin : null
  } catch (cause) {
    report.fault(at, cause instanceof Error ? cause.message : String(cause), { key: true })
    return null
  }
}

/** Options of a plugin or trait: variables typed, defaults of the schema filled in. Without a schema there are none. */
export function checkOptions(
  schema: JsonSchema | undefined,
  given: Readonly<Record<string, unknown>>,
  at: Path,
  { variables, report, grammar }: Pick<PluginOptions, 'variables' | 'report' | 'grammar'>,
): Readonly<Record<string, unknown>> {
  const form: JsonSchema = { type: 'object', ...schema }
  const typed = structuredClone(retype(given, at, new Typing(form), variables.lone)) as Readonly<
    Record<string, unknown>
  >
  for (const { path, message, hint, key } of formFaults(grammar.options(form), typed, at, variables))
    report.fault(path, message, { hint, key })
  return typed
}

/** What a `validate` of a plugin or trait says; its own failure is a fault like those that it looks for. */
export function said(validate: () => unknown): readonly string[] {
  try {
    const found = validate() ?? []
    return Array.isArray(found) ? found.map(String) : ['its `validate` did not return a list']
  } catch (cause) {
    return [`its \`validate\` failed: ${cause instanceof Error ? cause.message : String(cause)}`]
  }
}
