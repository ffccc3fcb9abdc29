/** A resource while it is being resolved: filled step by step, in the order of resolve.ts, then frozen. */
import type { Plugin, Trait } from '../plugin.js'
import type {
  AccessRule,
  ColumnDefinition,
  PermissionDefinition,
  RelationDefinition,
  StageBindings,
} from './definition.js'
import type { RawHooks, RawPermission, RawRelation, RawResource } from './raw.js'
import type { Report } from './report.js'
import type { Path } from './source.js'

export interface Draft {
  readonly name: string
  readonly at: Path
  readonly origin: 'core' | 'plugin' | 'config'
  /** Scalars of the resource; where core and config both say something, the config's. */
  readonly raw: RawResource
  readonly table: string
  readonly path: string
  readonly versioned: false | true | 'strict'
  readonly internal: boolean
  readonly managed: boolean
  readonly traits: TraitUse[]
  /** true: a trait is missing, so that nobody can say which names are unknown. */
  partial: boolean
  columns: Map<string, ColumnDraft>
  readonly relations: Map<string, RelationDraft>
  readonly unique: UniqueDraft[]
  /** Complete lists of column names, filled from `unique`, columns and relations. */
  readonly uniqueColumns: { readonly columns: readonly string[]; readonly at: Path }[]
  readonly access: Map<string, { readonly rule: AccessRule; readonly at: Path; readonly builtin: boolean }>
  readonly rawPermissions: {
    readonly key: string
    readonly raw: RawPermission
    readonly at: Path
    readonly builtin: boolean
  }[]
  permissions: PermissionDefinition[]
  /** In order: those of traits first. */
  readonly rawHooks: { readonly hooks: RawHooks; readonly at: Path; readonly trait: TraitUse | null }[]
  hooks: Record<string, StageBindings>
}

export interface ColumnDraft {
  readonly definition: ColumnDefinition
  readonly at: Path
  /** The trait that brings it, or null. */
  readonly trait: string | null
  /** Written in the long form: its keys have places of their own. */
  readonly long: boolean
}

export interface RelationDraft {
  readonly name: string
  readonly raw: RawRelation
  readonly at: Path
  /** The trait that brings it, or null. */
  readonly trait: string | null
  definition: RelationDefinition | null
}

export interface UniqueDraft {
  readonly names: readonly string[]
  readonly at: Path
}

export interface TraitUse {
  readonly name: string
  readonly plugin: LoadedPlugin
  readonly trait: Trait
  options: Readonly<Record<string, unknown>>
  readonly at: Path
}

export interface LoadedPlugin {
  /** As written in `plugins:`. */
  readonly specifier: string
  readonly plugin: Plugin
  options: Readonly<Record<string, unknown>>
  readonly at: Path
}

/** What every step of the resolution is given. */
export interface Resolving {
  readonly report: Report
  readonly drafts: ReadonlyMap<string, Draft>
  readonly plugins: readonly LoadedPlugin[]
  /** Specifiers of plugins that could not be loaded. */
  readonly failed: readonly string[]
}

/** Columns of the primary key in declaration order, `version` last. */
export function keyColumns(draft: Draft): ColumnDefinition[] {
  const keys = [...draft.columns.values()]
    .map(({ definition }) => definition)
    .filter(({ primary }) => primary)
  return [...keys.filter(({ role }) => role !== 'version'), ...keys.filter(({ role }) => role === 'version')]
}

/** Whether `plugin.part` may belong to a plugin that could not be loaded, whose name nobody knows. */
export function mayBeLost(name: string, { plugins, failed }: Pick<Resolving, 'plugins' | 'failed'>): boolean {
  const [owner] = name.split('.')
  return failed.length > 0 && !plugins.some(({ plugin }) => plugin.name === owner)
}
