/** Definition → model: names resolved, hooks bound, validators compiled, everything frozen. */
import type {
  AccessRule,
  Definition,
  HookUse,
  PluginUse,
  ResourceDefinition,
  StageBindings,
} from '../config/definition.js'
import type { PluginRoute, TraitRoute } from '../plugin.js'
import { compileAccess } from './access.js'
import { type BodySource, bodyValidators, createAjv } from './body.js'
import {
  type BoundRoute,
  entityTable,
  type HookBinding,
  type Model,
  type PermissionRule,
  type Resource,
  type StageHooks,
} from './model.js'

const PUBLIC: AccessRule = Object.freeze({ kind: 'public' })
/** Verbs of every resource; traits add their own. */
const VERBS = ['read', 'create', 'update', 'delete', 'release'] as const

/**
 * Everything that can be wrong with a definition has been said before (config): an unknown name here is a programming
 * mistake and throws an ordinary error.
 */
export function compileModel(definition: Definition): Model {
  const plugins = new Map(definition.plugins.map((use) => [use.name, use]))
  const access = compileAccess(definition)
  const ajv = createAjv()
  const resources = new Map<string, Resource>()
  for (const resource of definition.resources) {
    const source = bodySource(resource, access.rules.get(resource.name) ?? [])
    resources.set(
      resource.name,
      Object.freeze({
        ...source,
        ...bound(resource, plugins),
        table: resource.table,
        path: resource.path,
        description: resource.description,
        internal: resource.internal,
        entityKey: Object.freeze(source.primaryKey.filter((column) => column.role !== 'version')),
        generatedKey: source.primaryKey.find((column) => column.type === 'serial') ?? null,
        entityTable: resource.versioned === false ? null : entityTable(resource.table),
        unique: resource.unique,
        reach: access.reach.get(resource.name) ?? Object.freeze([]),
        createNeedsLogin:
          definition.auth && resource.columns.some((column) => column.default?.kind === 'user'),
        body: bodyValidators(source, ajv, definition.auth),
      }),
    )
  }
  return Object.freeze({
    definition,
    resources,
    byPath: new Map(
      [...resources.values()]
        .filter(({ internal }) => !internal)
        .map((resource) => [resource.path, resource]),
    ),
    resource: (name: string) => found(resources.get(name), `resource ${name}`),
    routes: Object.freeze(definition.plugins.flatMap(pluginRoutes)),
  })
}

function bodySource(resource: ResourceDefinition, permissions: readonly PermissionRule[]): BodySource {
  const ordered = [
    ...resource.columns.filter((column) => column.role !== 'version'),
    ...resource.columns.filter((column) => column.role === 'version'),
  ]
  return {
    name: resource.name,
    versioned: resource.versioned,
    columns: new Map(resource.columns.map((column) => [column.name, column])),
    primaryKey: Object.freeze(ordered.filter((column) => column.primary)),
    relations: new Map(resource.relations.map((relation) => [relation.name, relation])),
    permissions,
  }
}

/** What plugins bring to a resource. */
function bound(
  resource: ResourceDefinition,
  plugins: ReadonlyMap<string, PluginUse>,
): Pick<Resource, 'access' | 'hooks' | 'traits' | 'routes'> {
  const traits = resource.traits.map(({ name, options }) => ({ ...traitOf(name, plugins), name, options }))
  const verbs = [
    ...VERBS,
    ...traits.flatMap(({ trait }) => trait.verbs ?? []),
    ...Object.keys(resource.access),
  ]
  return {
    access: new Map(verbs.map((verb) => [verb, resource.access[verb] ?? PUBLIC])),
    hooks: new Map(
      Object.entries(resource.hooks).map(([operation, stages]) => [operation, stageHooks(stages, plugins)]),
    ),
    traits: new Map(traits.map(({ name, options }) => [name, options])),
    routes: Object.freeze(
      traits.flatMap(({ use, trait }) =>
        (trait.routes ?? []).map((route) => boundRoute<TraitRoute>(use, route)),
      ),
    ),
  }
}

function stageHooks(stages: StageBindings, plugins: ReadonlyMap<string, PluginUse>): StageHooks {
  const bind = (uses: readonly HookUse[]) => Object.freeze(uses.map((use) => hookBinding(use, plugins)))
  return Object.freeze({ prefix: bind(stages.prefix), postfix: bind(stages.postfix) })
}

function hookBinding({ use: name, options }: HookUse, plugins: ReadonlyMap<string, PluginUse>): HookBinding {
  const [use, own] = ownedBy(name, plugins)
  const hook = found(use.plugin.hooks?.[own], `hook ${name}`)
  return Object.freeze({ plugin: use.name, name: own, hook, options, settings: use.options })
}

function traitOf(name: string, plugins: ReadonlyMap<string, PluginUse>) {
  const [use, own] = ownedBy(name, plugins)
  return { use, trait: found(use.plugin.traits?.[own], `trait ${name}`) }
}

/** `s3.file` → the plugin `s3` and `file`. */
function ownedBy(name: string, plugins: ReadonlyMap<string, PluginUse>): readonly [PluginUse, string] {
  const dot = name.indexOf('.')
  return [found(plugins.get(name.slice(0, dot)), `plugin of ${name}`), name.slice(dot + 1)]
}

const pluginRoutes = (use: PluginUse): BoundRoute<PluginRoute>[] =>
  (use.plugin.routes ?? []).map((route) => boundRoute(use, route))

const boundRoute = <R>(use: PluginUse, route: R): BoundRoute<R> =>
  Object.freeze({ plugin: use.name, settings: use.options, route })

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the definition names an unknown ${what}`)
  return value
}
