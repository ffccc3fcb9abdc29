/** Core, plugins and the configuration each declare resources: brings them together as drafts, traits applied. */

import { declare, type Layer, traitLayer } from './declare.js'
import { type Draft, type LoadedPlugin, mayBeLost, type TraitUse } from './draft.js'
import type { Variables } from './interpolate.js'
import type { RawResource, RawTraits } from './raw.js'
import type { Report } from './report.js'
import type { Path } from './source.js'
import { didYouMean } from './suggest.js'

export type RawResources = Readonly<Record<string, RawResource | null>>

export interface Declarations {
  readonly core: RawResources
  readonly plugins: readonly LoadedPlugin[]
  /** Specifiers of plugins that could not be loaded. */
  readonly failed: readonly string[]
  readonly config: RawResources
  readonly variables: Variables
  /** false: `auth: off`, under which nobody is logged in. */
  readonly auth: boolean
}

/** Drafts by name: built-in ones first, then those of plugins, then the configuration's, each as declared. */
export function collect(declarations: Declarations, report: Report): ReadonlyMap<string, Draft> {
  const drafts = makeDrafts(declarations, report)
  for (const draft of drafts.values()) draft.traits.push(...traitsOf(draft, declarations, report))
  extendByPlugins(declarations.plugins, drafts, report)
  for (const draft of drafts.values()) {
    for (const use of draft.traits) declare(draft, traitLayer(use), declarations, report)
    for (const layer of ownLayers(draft, declarations)) declare(draft, layer, declarations, report)
    for (const use of draft.traits) fold(draft, use, report)
    draft.columns = ownFirst(draft.columns)
  }
  return drafts
}

/** Marks the columns that a trait keeps in lower case. */
function fold(draft: Draft, { name, trait, at }: TraitUse, report: Report): void {
  for (const column of trait.lowercase ?? []) {
    const known = draft.columns.get(column)
    if (known !== undefined && ['string', 'text'].includes(known.definition.type)) {
      draft.columns.set(column, { ...known, definition: { ...known.definition, lowercase: true } })
    } else if (!draft.partial) {
      report.fault(
        at,
        `trait ${name}: \`${draft.name}\` has no text column \`${column}\` to keep in lower case`,
        {
          key: at.at(-1) === name,
        },
      )
    }
  }
}

/** Traits are applied first, but what the resource itself declares is shown first. */
function ownFirst(columns: Draft['columns']): Draft['columns'] {
  const entries = [...columns]
  return new Map([
    ...entries.filter(([, { trait }]) => trait === null),
    ...entries.filter(([, { trait }]) => trait !== null),
  ])
}

function makeDrafts({ core, plugins, config }: Declarations, report: Report): Map<string, Draft> {
  const drafts = new Map<string, Draft>()
  for (const [name, raw] of Object.entries(core)) {
    drafts.set(name, draftOf(name, 'core', [raw ?? {}, config[name] ?? {}], ['resources', name]))
  }
  for (const loaded of plugins) addPluginResources(loaded, drafts, config, report)
  for (const [name, raw] of Object.entries(config)) {
    if (!drafts.has(name)) drafts.set(name, draftOf(name, 'config', [raw ?? {}], ['resources', name]))
  }
  return drafts
}

function ownLayers(draft: Draft, { core, config }: Declarations): Layer[] {
  if (draft.origin === 'plugin') return [{ raw: draft.raw, builtin: true, trait: null }]
  const layers = [
    { raw: core[draft.name] ?? {}, builtin: true, trait: null },
    { raw: config[draft.name] ?? {}, builtin: false, trait: null },
  ]
  return layers
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
    path: raw.path?.replace(/^\//, '') ?? `${base}s`,
    versioned: raw.versioned ?? false,
    internal: raw.internal ?? false,
    managed: origin === 'plugin' || (origin === 'core' && ownTable === undefined),
    traits: [],
    partial: false,
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

function traitsOf(draft: Draft, declarations: Declarations, report: Report): TraitUse[] {
  const source = draft.origin === 'plugin' ? draft.raw.traits : declarations.config[draft.name]?.traits
  return namedTraits(source ?? []).flatMap(({ name, options, step, key }) => {
    const at = [...draft.at, 'traits', step]
    const found = findTrait(name, declarations.plugins)
    if (found !== null) return [{ name, options, at, ...found }]
    draft.partial = true
    if (!mayBeLost(name, declarations)) {
      report.fault(at, `unknown trait \`${name}\``, { key, hint: traitHint(name, declarations.plugins) })
    }
    return []
  })
}

/** Both forms of `traits:`; `step` is the key or index, `key` says which. */
function namedTraits(raw: RawTraits) {
  if (isList(raw)) return raw.map((name, index) => ({ name, options: {}, step: String(index), key: false }))
  return Object.entries(raw).map(([name, options]) => ({
    name,
    options: options ?? {},
    step: name,
    key: true,
  }))
}

const isList = (raw: RawTraits): raw is readonly string[] => Array.isArray(raw)

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
