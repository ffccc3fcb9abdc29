/** Core, plugins and the configuration each declare resources: brings them together as drafts, traits applied. */
import { parseColumn } from './columns.js'
import type { Draft, LoadedPlugin, TraitUse } from './draft.js'
import type { RawAccess, RawColumn, RawRelation, RawResource, RawTraits } from './raw.js'
import type { Report } from './report.js'
import type { Path } from './source.js'
import { didYouMean } from './suggest.js'

export type RawResources = Readonly<Record<string, RawResource | null>>

export interface Declarations {
  readonly core: RawResources
  readonly plugins: readonly LoadedPlugin[]
  readonly config: RawResources
}

/** Drafts by name: built-in ones first, then those of plugins, then the configuration's, each as declared. */
export function collect(declarations: Declarations, report: Report): ReadonlyMap<string, Draft> {
  const drafts = new Map<string, Draft>()
  const { core, plugins, config } = declarations
  for (const [name, raw] of Object.entries(core)) {
    const layers = [raw ?? {}, config[name] ?? {}]
    drafts.set(name, draftOf(name, 'core', layers, ['resources', name]))
  }
  for (const loaded of plugins) addPluginResources(loaded, drafts, config, report)
  for (const [name, raw] of Object.entries(config)) {
    if (!drafts.has(name)) drafts.set(name, draftOf(name, 'config', [raw ?? {}], ['resources', name]))
  }
  for (const draft of drafts.values())
    draft.traits.push(...traitsOf(draft, config[draft.name]?.traits, plugins, report))
  extendByPlugins(plugins, drafts, report)
  for (const draft of drafts.values()) {
    for (const use of draft.traits) applyTrait(draft, use, report)
    declare(draft, core[draft.name] ?? {}, report, null)
    if (draft.origin === 'plugin') declare(draft, draft.raw, report, null)
    if (config[draft.name] !== undefined) declare(draft, config[draft.name] ?? {}, report, null)
  }
  return drafts
}

function addPluginResources(
  loaded: LoadedPlugin,
  drafts: Map<string, Draft>,
  config: RawResources,
  report: Report,
): void {
  for (const [name, raw] of Object.entries((loaded.plugin.resources ?? {}) as RawResources)) {
    if (drafts.has(name) || config[name] !== undefined) {
      const place = config[name] === undefined ? loaded.at : ['resources', name]
      report.fault(place, `plugin \`${loaded.plugin.name}\` brings a resource \`${name}\` too`, {
        key: true,
        hint: 'rename this one',
      })
      continue
    }
    const at = ['resources', name]
    report.redirect(at, loaded.at, `plugin ${loaded.plugin.name}, resource ${name}: `)
    drafts.set(name, draftOf(name, 'plugin', [raw ?? {}], at))
  }
}

function draftOf(name: string, origin: Draft['origin'], layers: readonly RawResource[], at: Path): Draft {
  const raw: RawResource = Object.assign({}, ...layers)
  const base = name.toLowerCase()
  const ownTable = layers.at(-1)?.table
  return {
    name,
    at,
    origin,
    raw,
    table: raw.table ?? (origin === 'plugin' ? `biodm_${base}` : base),
    path: raw.path ?? `${base}s`,
    versioned: raw.versioned ?? false,
    internal: raw.internal ?? false,
    managed: origin === 'plugin' || (origin === 'core' && ownTable === undefined),
    traits: [],
    columns: new Map(),
    relations: new Map(),
    unique: [],
    uniqueColumns: [],
    access: new Map(),
    rawPermissions: [],
    permissions: [],
    rawHooks: [],
    hooks: {},
  }
}

function traitsOf(
  draft: Draft,
  raw: RawTraits | undefined,
  plugins: readonly LoadedPlugin[],
  report: Report,
): TraitUse[] {
  const source = draft.origin === 'plugin' ? draft.raw.traits : raw
  if (source === undefined) return []
  const list = Array.isArray(source)
  const entries = list
    ? source.map((name, index) => ({
        name: name as string,
        options: {},
        at: [...draft.at, 'traits', String(index)],
      }))
    : Object.entries(source).map(([name, options]) => ({
        name,
        options: options ?? {},
        at: [...draft.at, 'traits', name],
      }))
  return entries.flatMap((entry) => {
    const found = findTrait(entry.name, plugins)
    if (found !== null) return [{ ...entry, ...found }]
    report.fault(entry.at, `unknown trait \`${entry.name}\``, {
      key: !list,
      hint: traitHint(entry.name, plugins),
    })
    return []
  })
}

export function findTrait(name: string, plugins: readonly LoadedPlugin[]) {
  for (const plugin of plugins) {
    for (const [key, trait] of Object.entries(plugin.plugin.traits ?? {})) {
      if (`${plugin.plugin.name}.${key}` === name) return { plugin, trait }
    }
  }
  return null
}

function traitHint(name: string, plugins: readonly LoadedPlugin[]): string | null {
  const names = plugins.flatMap(({ plugin }) =>
    Object.keys(plugin.traits ?? {}).map((key) => `${plugin.name}.${key}`),
  )
  const [owner] = name.split('.')
  const loaded = plugins.some(({ plugin }) => plugin.name === owner)
  const hint = didYouMean(name, names, 'traits')
  if (hint?.startsWith('did') === true || loaded || owner === undefined || owner === name) return hint
  return `no plugin \`${owner}\` is loaded: add it under \`plugins:\``
}

function extendByPlugins(
  plugins: readonly LoadedPlugin[],
  drafts: ReadonlyMap<string, Draft>,
  report: Report,
): void {
  for (const loaded of plugins) {
    for (const [name, extension] of Object.entries(loaded.plugin.extends ?? {})) {
      const draft = drafts.get(name)
      if (draft === undefined) {
        report.fault(
          loaded.at,
          `plugin \`${loaded.plugin.name}\` extends the resource \`${name}\`, which does not exist`,
          { key: true },
        )
        continue
      }
      for (const trait of extension.traits) extendBy(loaded, draft, trait, plugins, report)
    }
  }
}

function extendBy(
  loaded: LoadedPlugin,
  draft: Draft,
  name: string,
  plugins: readonly LoadedPlugin[],
  report: Report,
): void {
  if (draft.traits.some((use) => use.name === name)) return
  const found = findTrait(name, plugins)
  if (found === null) {
    report.fault(
      loaded.at,
      `plugin \`${loaded.plugin.name}\` gives \`${draft.name}\` the unknown trait \`${name}\``,
      { key: true },
    )
    return
  }
  draft.traits.unshift({ name, options: {}, at: loaded.at, ...found })
}

function applyTrait(draft: Draft, use: TraitUse, report: Report): void {
  const { columns, relations, unique, hooks } = use.trait
  const raw = { columns, relations, unique, hooks } as RawResource
  declare(draft, raw, report, use)
}

/** Adds what one layer declares; `trait` is null for the resource's own parts. */
function declare(draft: Draft, raw: RawResource, report: Report, trait: TraitUse | null): void {
  const at = (...path: string[]): Path => (trait === null ? [...draft.at, ...path] : trait.at)
  for (const [name, column] of Object.entries(raw.columns ?? {}))
    addColumn(draft, name, column, at('columns', name), report, trait)
  for (const [name, relation] of Object.entries(raw.relations ?? {})) {
    addRelation(draft, name, relation, at('relations', name), report, trait)
  }
  for (const [index, names] of (raw.unique ?? []).entries())
    draft.unique.push({ names, at: at('unique', String(index)) })
  if (raw.hooks !== undefined) draft.rawHooks.push({ hooks: raw.hooks, at: at('hooks') })
  for (const [verb, access] of Object.entries(raw.access ?? {}))
    addAccess(draft, verb, access, at('access', verb))
  for (const [key, permission] of Object.entries(raw.permissions ?? {})) {
    draft.rawPermissions.push({ key, raw: permission, at: at('permissions', key) })
  }
}

function addColumn(
  draft: Draft,
  name: string,
  raw: RawColumn | string,
  at: Path,
  report: Report,
  trait: TraitUse | null,
): void {
  const known = draft.columns.get(name)
  if (known !== undefined) {
    report.fault(at, `column \`${name}\` is already there${origin(draft, known.at)}`, { key: true })
    return
  }
  const parsed = parseColumn(name, raw)
  if ('name' in parsed) {
    draft.columns.set(name, { definition: parsed, at })
    return
  }
  report.markBroken([...draft.at, 'columns', name])
  for (const fault of parsed) {
    const place = fault.key === null || trait !== null ? at : [...at, fault.key]
    report.fault(place, trait === null ? fault.message : `trait ${trait.name}: ${fault.message}`, {
      hint: fault.hint ?? null,
    })
  }
}

function origin(draft: Draft, at: Path): string {
  const trait = draft.traits.find((use) => use.at === at)
  if (trait !== undefined) return `: trait \`${trait.name}\` brings it`
  return draft.origin === 'core' ? ': it is built in' : ''
}

function addRelation(
  draft: Draft,
  name: string,
  raw: RawRelation,
  at: Path,
  report: Report,
  trait: TraitUse | null,
): void {
  const known = draft.relations.get(name)
  if (known !== undefined) {
    report.fault(at, `relation \`${name}\` is already there${origin(draft, known.at)}`, { key: true })
    return
  }
  draft.relations.set(name, { name, raw, at, trait: trait?.name ?? null, definition: null })
}

function addAccess(draft: Draft, verb: string, raw: RawAccess, at: Path): void {
  const builtin = draft.origin === 'core' && !draft.access.has(verb)
  draft.access.set(verb, { rule: ruleOf(raw), at, builtin })
}

function ruleOf(raw: RawAccess) {
  if (typeof raw === 'string') return { kind: raw } as const
  if (isList(raw)) return { kind: 'groups', paths: [...raw] } as const
  return { kind: 'self_or_admin', columns: [...raw.self] } as const
}

const isList = (raw: RawAccess): raw is readonly string[] => Array.isArray(raw)
