/** Adds what one layer (core, a plugin, a trait, the configuration) says about a resource to its draft. */
import { parseColumn } from './columns.js'
import type { AccessRule, ColumnDefinition } from './definition.js'
import type { Draft, TraitUse } from './draft.js'
import { convert, type Variables } from './interpolate.js'
import type { RawAccess, RawColumn, RawHooks, RawRelation, RawResource } from './raw.js'
import type { Report } from './report.js'
import { type Path, pathKey } from './source.js'
import { entry } from './tables.js'

export interface Layer {
  readonly raw: RawResource
  /** Rules of this layer are not the configuration's own. */
  readonly builtin: boolean
  /** The trait that the layer is, or null. */
  readonly trait: TraitUse | null
}

/** The form of its parts was checked when the plugin was loaded. */
export function traitLayer(use: TraitUse): Layer {
  const { columns, relations, unique, hooks } = use.trait
  const raw = { columns, relations, unique, hooks } as Pick<
    RawResource,
    'columns' | 'relations' | 'unique'
  > & {
    readonly hooks: RawHooks
  }
  return { raw, builtin: true, trait: use }
}

/** What holds for all resources alike. */
export interface Settings {
  readonly variables: Variables
  readonly auth: boolean
}

interface Placed extends Layer {
  readonly draft: Draft
  readonly settings: Settings
  readonly report: Report
  /** Path of a part; of a trait's parts: where the trait is named. */
  at(...path: string[]): Path
}

export function declare(draft: Draft, layer: Layer, settings: Settings, report: Report): void {
  const { raw, trait } = layer
  const placed: Placed = {
    ...layer,
    draft,
    settings,
    report,
    at: (...path) => trait?.at ?? [...draft.at, ...path],
  }
  for (const [name, column] of Object.entries(raw.columns ?? {})) addColumn(placed, name, column)
  for (const [name, relation] of Object.entries(raw.relations ?? {})) addRelation(placed, name, relation)
  for (const [index, names] of (raw.unique ?? []).entries()) {
    draft.unique.push({ names, at: placed.at('unique', String(index)) })
  }
  if (raw.hooks !== undefined && raw.hooks !== null)
    draft.rawHooks.push({ hooks: raw.hooks, at: placed.at('hooks'), trait })
  for (const [verb, access] of Object.entries(raw.access ?? {})) {
    draft.access.set(verb, { rule: ruleOf(access), at: placed.at('access', verb), builtin: layer.builtin })
  }
  for (const [key, permission] of Object.entries(raw.permissions ?? {})) {
    draft.rawPermissions.push({
      key,
      raw: permission,
      at: placed.at('permissions', key),
      builtin: layer.builtin,
    })
  }
}

function addColumn(
  { draft, trait, settings, report, at }: Placed,
  name: string,
  raw: RawColumn | string,
): void {
  const place = at('columns', name)
  const known = draft.columns.get(name)
  if (known !== undefined) {
    report.fault(place, `column \`${name}\` is already there${origin(draft, known.trait)}`, { key: true })
    return
  }
  const parsed = parseColumn(name, typedByColumn(raw, place, settings.variables))
  if ('name' in parsed) {
    const definition = settings.auth ? parsed : withoutCaller(parsed, raw)
    draft.columns.set(name, {
      definition,
      at: place,
      trait: trait?.name ?? null,
      long: typeof raw !== 'string',
    })
    return
  }
  report.markBroken([...draft.at, 'columns', name])
  for (const fault of parsed) {
    const path = fault.key === null || trait !== null ? place : [...place, fault.key]
    report.fault(path, said(trait, fault.message), { hint: fault.hint ?? null })
  }
}

/** What of a column is one `${…}` alone takes the type that the column gives it. */
function typedByColumn(raw: RawColumn | string, at: Path, { lone }: Variables): RawColumn | string {
  if (typeof raw === 'string') return raw
  const [type = ''] = /^[a-z]+/.exec(raw.type) ?? []
  const typed: Record<string, unknown> = { ...raw }
  for (const [key, types] of Object.entries(TYPES_BY_COLUMN)) {
    const value = typed[key]
    if (typeof value === 'string' && lone.has(pathKey([...at, key])))
      typed[key] = convert(value, new Set([entry(types, type) ?? 'string']))
  }
  return { ...raw, ...typed }
}

type Types = Readonly<Record<string, string>>

const NUMBERS: Types = { integer: 'integer', bigint: 'integer', number: 'number' }
const BOUNDS: Types = { ...NUMBERS, decimal: 'number', string: 'integer', text: 'integer' }
const TYPES_BY_COLUMN: Readonly<Record<string, Types>> = {
  default: { ...NUMBERS, boolean: 'boolean' },
  min: BOUNDS,
  max: BOUNDS,
}

/** Under `auth: off` a `default: user` column is an ordinary one. */
function withoutCaller(column: ColumnDefinition, raw: RawColumn | string): ColumnDefinition {
  if (column.default?.kind !== 'user') return column
  return { ...column, default: null, readonly: typeof raw !== 'string' && raw.readonly === true }
}

const said = (trait: TraitUse | null, message: string): string =>
  trait === null ? message : `trait ${trait.name}: ${message}`

function origin(draft: Draft, trait: string | null): string {
  if (trait !== null) return `: trait \`${trait}\` brings it`
  return draft.origin === 'core' ? ': it is built in' : ''
}

function addRelation({ draft, trait, report, at }: Placed, name: string, raw: RawRelation): void {
  const place = at('relations', name)
  const known = draft.relations.get(name)
  if (known === undefined) {
    draft.relations.set(name, { name, raw, at: place, trait: trait?.name ?? null, definition: null })
    return
  }
  report.fault(place, `relation \`${name}\` is already there${origin(draft, known.trait)}`, { key: true })
}

function ruleOf(raw: RawAccess): AccessRule {
  if (typeof raw === 'string') return { kind: raw }
  if (isList(raw)) return { kind: 'groups', paths: [...raw] }
  return { kind: 'self_or_admin', columns: [...raw.self] }
}

const isList = (raw: RawAccess): raw is readonly string[] => Array.isArray(raw)
