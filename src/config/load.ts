/** From a YAML file (or an object) to a frozen definition: everything wrong with a configuration is said here. */
import { resolve } from 'node:path'
import { checkAccess } from './check/access.js'
import { checkClones } from './check/clones.js'
import { checkColumns } from './check/columns.js'
import { checkHooks, checkTraits } from './check/hooks.js'
import { checkNames } from './check/names.js'
import { checkRelations } from './check/relations.js'
import { checkRoutes } from './check/routes.js'
import { checkTables } from './check/tables.js'
import { collect } from './collect.js'
import type { Definition } from './definition.js'
import type { Resolving } from './draft.js'
import { deepFreeze, finish } from './freeze.js'
import { Inputs } from './inputs.js'
import type { Env } from './interpolate.js'
import { completeKeys } from './keys.js'
import { type LoadedPlugins, type LoadPlugin, loadPlugins } from './plugins.js'
import { configDir, type ReadConfig, readConfig } from './read.js'
import { resolveRelations } from './relations.js'
import { Report } from './report.js'
import { resolveHooks, resolvePermissions, resolveUnique } from './rules.js'
import { type Grammar, loadGrammar } from './schema.js'
import { databaseSettings, type Overrides, serverSettings } from './settings.js'

export interface LoadOptions {
  readonly loadPlugin: LoadPlugin
  /** Default: `process.env`. A `.env` beside the file is asked for what is missing here. */
  readonly env?: Env
  readonly overrides?: Overrides
  /** Folder that relative paths of an object start from. Default: the working directory. */
  readonly dir?: string
  /** Told of every file that the load looks at. */
  readonly inputs?: Inputs
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
  const dir = configDir(source, options.dir)
  const grammar = loadGrammar()
  const read = readConfig(typeof source === 'string' ? resolve(source) : source, {
    env: options.env ?? process.env,
    dir,
    grammar,
    report,
    inputs: options.inputs ?? new Inputs(),
  })
  const plugins = await loadPlugins(read.raw.plugins, {
    dir,
    load: options.loadPlugin,
    grammar,
    variables: read.variables,
    report,
  })
  const resolving = resolveResources(read, plugins, report)
  check(resolving, read, grammar)
  const definition = assemble(read, resolving, { dir, overrides: options.overrides ?? {} })
  report.check()
  return deepFreeze(definition)
}

/** Each step needs what the one before it filled in. */
function resolveResources(
  { core, resources, variables, raw }: ReadConfig,
  { loaded, failed }: LoadedPlugins,
  report: Report,
): Resolving {
  const drafts = collect(
    { core, plugins: loaded, failed, config: resources, variables, auth: raw.auth !== 'off' },
    report,
  )
  const resolving: Resolving = { report, plugins: loaded, failed, drafts }
  completeKeys(resolving)
  resolveRelations(resolving)
  resolveUnique(resolving)
  resolvePermissions(resolving)
  resolveHooks(resolving)
  return resolving
}

function check(resolving: Resolving, { raw, variables }: ReadConfig, grammar: Grammar): void {
  checkNames(resolving)
  checkRoutes(resolving)
  checkTables(resolving)
  checkColumns(resolving)
  checkRelations(resolving)
  checkClones(resolving)
  checkAccess(resolving, raw)
  checkHooks(resolving)
  checkTraits(resolving, variables, grammar)
}

interface Surroundings {
  readonly dir: string
  readonly overrides: Overrides
}

function assemble(
  { raw }: ReadConfig,
  { plugins, drafts, report }: Resolving,
  { dir, overrides }: Surroundings,
): Definition {
  const auth = raw.auth !== 'off'
  return {
    name: raw.name ?? 'biodm',
    version: raw.version ?? '0.0.0',
    description: raw.description ?? null,
    dir,
    server: serverSettings(raw.server ?? {}, overrides, plugins, report),
    database: databaseSettings(raw.database ?? {}, dir, overrides, report),
    history: { reads: raw.history?.reads ?? false },
    auth,
    enforce: auth && plugins.some(({ plugin }) => plugin.authenticate !== undefined),
    plugins: plugins.map(({ plugin, options }) => ({ name: plugin.name, plugin, options })),
    resources: [...drafts.values()].map(finish),
  }
}
