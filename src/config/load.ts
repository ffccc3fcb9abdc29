/** From a YAML file (or an object) to a frozen definition: everything wrong with a configuration is said here. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { stringify } from 'yaml'
import { collect, type RawResources } from './collect.js'
import type { Definition } from './definition.js'
import type { LoadedPlugin, Resolving } from './draft.js'
import { deepFreeze, finish } from './freeze.js'
import { completeKeys } from './keys.js'
import { packagedFile } from './packaged.js'
import { type LoadPlugin, loadPlugins } from './plugins.js'
import type { RawConfig } from './raw.js'
import { resolveRelations } from './relations.js'
import { Report } from './report.js'
import { resolveHooks, resolvePermissions, resolveUnique } from './rules.js'
import { databaseSettings, type Overrides, serverSettings } from './settings.js'
import { parseSource } from './source.js'

export interface LoadOptions {
  readonly loadPlugin: LoadPlugin
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly overrides?: Overrides
  /** Folder that relative paths of an object start from. Default: the working directory. */
  readonly dir?: string
}

/**
 * `source`: path of a YAML file, or the same content as an object. Throws `ConfigError` with every fault at once,
 * and nothing else.
 */
export async function loadDefinition(
  source: string | Readonly<Record<string, unknown>>,
  options: LoadOptions,
): Promise<Definition> {
  const report = new Report()
  const dir = typeof source === 'string' ? dirname(resolve(source)) : resolve(options.dir ?? '.')
  const raw = (await read(source, report)) as RawConfig
  const core = (await read(packagedFile('core.yaml'), report)) as RawConfig
  const plugins = await loadPlugins(raw.plugins, dir, options.loadPlugin, report)
  const definition = resolveAll({ raw, core, plugins, dir, overrides: options.overrides ?? {}, report })
  report.check()
  return deepFreeze(definition)
}

async function read(source: string | Readonly<Record<string, unknown>>, report: Report): Promise<unknown> {
  const file = typeof source === 'string' ? resolve(source) : 'config'
  let text: string
  try {
    text = typeof source === 'string' ? await readFile(file, 'utf8') : stringify(source)
  } catch (cause) {
    report.fileFault(file, `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
    report.check()
    return {}
  }
  const parsed = parseSource(file, text)
  report.addSource(parsed)
  report.check()
  return parsed.value ?? {}
}

interface Parts {
  readonly raw: RawConfig
  readonly core: RawConfig
  readonly plugins: readonly LoadedPlugin[]
  readonly dir: string
  readonly overrides: Overrides
  readonly report: Report
}

function resolveAll({ raw, core, plugins, dir, overrides, report }: Parts): Definition {
  const declared = { core: resourcesOf(core), plugins, config: resourcesOf(raw) }
  const resolving: Resolving = { report, plugins, drafts: collect(declared, report) }
  completeKeys(resolving)
  resolveRelations(resolving)
  resolveUnique(resolving)
  resolvePermissions(resolving)
  resolveHooks(resolving)
  const auth = raw.auth !== 'off'
  return {
    name: raw.name ?? 'biodm',
    version: raw.version ?? '0.0.0',
    description: raw.description ?? null,
    dir,
    server: serverSettings(raw.server ?? {}, overrides, report),
    database: databaseSettings(raw.database, dir, overrides, report),
    history: { reads: raw.history?.reads ?? false },
    auth,
    enforce: auth && plugins.some(({ plugin }) => plugin.authenticate !== undefined),
    plugins: plugins.map(({ plugin, options }) => ({ name: plugin.name, plugin, options })),
    resources: [...resolving.drafts.values()].map(finish),
  }
}

const resourcesOf = (raw: RawConfig): RawResources => raw.resources ?? {}
