/** Live schema and wanted schema → changes, and what each table will look like after them. */
import type { DialectName } from '../../config/definition.js'
import type { Change } from './changes.js'
import { fillable, fits, sameCheck, samePairs, withOthers } from './compare-parts.js'
import { indexName, primaryKeyName } from './names.js'
import {
  type ColumnSpec,
  type ColumnsSpec,
  type ForeignKeySpec,
  type Schema,
  sameColumns,
  type TableSpec,
} from './schema.js'
import { sqlType } from './types.js'

export interface CompareOptions {
  readonly dialect: DialectName
  /** Types that migrations have recorded, by table and column: tables in it are ours. */
  readonly recorded: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Tables and columns that are no longer wanted stay; a required column becomes optional. */
  readonly keep: boolean
}

export interface Comparison {
  readonly changes: readonly Change[]
  /** Wanted tables that exist: as they are under their new names, and as they will be. */
  readonly tables: ReadonlyMap<string, { readonly before: TableSpec; readonly after: TableSpec }>
  /** What stays although it is no longer wanted: `table` or `table.column`. */
  readonly kept: readonly string[]
}

export function compareSchemas(live: Schema, wanted: Schema, options: CompareOptions): Comparison {
  const comparing = new Comparing(live, wanted, options)
  for (const table of wanted.values()) comparing.table(table)
  comparing.dropTables()
  return comparing
}

class Comparing implements Comparison {
  readonly changes: Change[] = []
  readonly tables = new Map<string, { before: TableSpec; after: TableSpec }>()
  readonly kept: string[] = []
  readonly #live: Schema
  readonly #wanted: Schema
  readonly #options: CompareOptions
  /** Live tables that wanted ones were found to be, under their old or own names. */
  readonly #taken = new Set<string>()

  constructor(live: Schema, wanted: Schema, options: CompareOptions) {
    this.#live = live
    this.#wanted = wanted
    this.#options = options
  }

  table(wanted: TableSpec): void {
    const name = this.#findTable(wanted)
    const found = name === undefined ? undefined : this.#live.get(name)
    if (name === undefined || found === undefined) {
      this.changes.push({ kind: 'create_table', table: wanted.name, spec: this.#fitting(wanted) })
      return
    }
    this.#taken.add(name)
    if (name !== wanted.name) this.changes.push({ kind: 'rename_table', table: wanted.name, from: name })
    this.#existing(found, this.#fitting(wanted), this.#options.recorded.get(name))
  }

  #findTable(wanted: TableSpec): string | undefined {
    if (this.#live.has(wanted.name)) return wanted.name
    return wanted.renamedFrom.find((name) => this.#live.has(name) && !this.#wanted.has(name))
  }

  /** SQLite draws values for a single integer key only. */
  #fitting(table: TableSpec): TableSpec {
    if (this.#options.dialect !== 'sqlite' || table.primaryKey.length === 1) return table
    return { ...table, columns: table.columns.map((column) => ({ ...column, identity: false })) }
  }

  #existing(found: TableSpec, wanted: TableSpec, recorded: ReadonlyMap<string, string> | undefined): void {
    const before = this.#renamed(found, wanted)
    const ours = recorded !== undefined
    const columns = this.#columns(before, wanted, recorded)
    const key = this.#key(before, wanted)
    const spare = { indexes: this.#spareIndexes(before, wanted, ours) }
    const uniques = this.#sets('unique', before, wanted, ours)
    this.#sets('index', before, wanted, ours)
    this.#checks(before, wanted, ours)
    this.#foreignKeys(before, wanted, ours)
    const after: TableSpec = {
      ...wanted,
      columns,
      primaryKey: key,
      uniques,
      indexes: [...wanted.indexes, ...spare.indexes],
      foreignKeys: ours ? wanted.foreignKeys : withOthers(wanted.foreignKeys, before.foreignKeys),
    }
    this.tables.set(wanted.name, { before, after })
  }

  /** The table with its own new name and those of its columns; references follow renamed tables. */
  #renamed(found: TableSpec, wanted: TableSpec): TableSpec {
    const names = new Map<string, string>()
    const has = (name: string) => found.columns.some((column) => column.name === name)
    for (const { name, renamedFrom } of wanted.columns) {
      if (renamedFrom === null || has(name) || !has(renamedFrom)) continue
      names.set(renamedFrom, name)
      this.changes.push({ kind: 'rename_column', table: wanted.name, from: renamedFrom, to: name })
    }
    const renamed = (name: string) => names.get(name) ?? name
    const set = <T extends ColumnsSpec>(spec: T): T => ({ ...spec, columns: spec.columns.map(renamed) })
    return {
      ...found,
      name: wanted.name,
      columns: found.columns.map((column) => ({ ...column, name: renamed(column.name) })),
      primaryKey: found.primaryKey.map(renamed),
      uniques: found.uniques.map(set),
      indexes: found.indexes.map(set),
      checks: found.checks.map((check) => ({ ...check, column: renamed(check.column) })),
      foreignKeys: found.foreignKeys.map((key) => this.#renamedReference(set(key))),
    }
  }

  #renamedReference(key: ForeignKeySpec): ForeignKeySpec {
    for (const target of this.#wanted.values()) {
      const live = this.#findTable(target)
      if (live !== key.table) continue
      const columns = this.#live.get(live)?.columns ?? []
      const references = key.references.map((name) => {
        const column = target.columns.find((candidate) => candidate.renamedFrom === name)
        return column === undefined || columns.some((other) => other.name === column.name)
          ? name
          : column.name
      })
      return { ...key, table: target.name, references }
    }
    return key
  }

  #columns(
    before: TableSpec,
    wanted: TableSpec,
    recorded: ReadonlyMap<string, string> | undefined,
  ): readonly ColumnSpec[] {
    const table = wanted.name
    for (const column of wanted.columns) {
      const found = before.columns.find((candidate) => candidate.name === column.name)
      if (found === undefined)
        this.changes.push({ kind: 'add_column', table, column: fillable(column, before) })
      else this.#column(table, found, column, recorded)
    }
    const others = before.columns.filter((column) => !wanted.columns.some(({ name }) => name === column.name))
    return [
      ...wanted.columns.map((column) => fillable(column, before)),
      ...others.flatMap((column) => this.#otherColumn(table, column, before, recorded)),
    ]
  }

  #column(
    table: string,
    found: ColumnSpec,
    column: ColumnSpec,
    recorded: ReadonlyMap<string, string> | undefined,
  ): void {
    const type = this.#typeOf(found, column, recorded)
    if (type !== column.type) this.changes.push({ kind: 'change_type', table, column, from: type })
    if (found.required !== column.required) {
      this.changes.push({ kind: column.required ? 'set_required' : 'set_optional', table, column })
    }
    // A table that is adopted may draw its keys in other ways.
    if (found.identity !== column.identity && (column.identity || recorded !== undefined)) {
      this.changes.push({ kind: 'set_identity', table, column })
    }
  }

  /** SQLite stores several types alike: what was recorded tells them apart, else the wanted type is believed. */
  #typeOf(found: ColumnSpec, column: ColumnSpec, recorded: ReadonlyMap<string, string> | undefined): string {
    if (this.#options.dialect !== 'sqlite') return found.type
    const known = recorded?.get(column.name) ?? recorded?.get(column.renamedFrom ?? '') ?? column.type
    return sqlType('sqlite', known) === sqlType('sqlite', found.type) ? known : found.type
  }

  /** A column that is not wanted: not ours, kept, or dropped. Returns what is left of it. */
  #otherColumn(
    table: string,
    column: ColumnSpec,
    before: TableSpec,
    recorded: ReadonlyMap<string, string> | undefined,
  ): readonly ColumnSpec[] {
    // A column that no migration has made is somebody else's.
    if (recorded?.has(column.name) !== true) return [column]
    if (!this.#options.keep) {
      this.changes.push({ kind: 'drop_column', table, column })
      return []
    }
    this.kept.push(`${table}.${column.name}`)
    if (!column.required || before.primaryKey.includes(column.name)) return [column]
    const optional = { ...column, required: false }
    this.changes.push({ kind: 'set_optional', table, column: optional })
    return [optional]
  }

  #key(before: TableSpec, wanted: TableSpec): readonly string[] {
    const { name: table, primaryKey } = wanted
    const name = before.primaryKeyName ?? primaryKeyName(table)
    if (!sameColumns(before.primaryKey, primaryKey)) {
      this.changes.push({ kind: 'change_key', table, name, from: before.primaryKey, to: primaryKey })
      return primaryKey
    }
    if (before.primaryKeyName !== undefined)
      this.#name(table, 'constraint', before.primaryKeyName, {
        name: primaryKeyName(table),
        columns: primaryKey,
      })
    return before.primaryKey
  }

  /** Only our own tables: names in an adopted one are somebody's. */
  #name(table: string, of: 'constraint' | 'index', from: string, spec: ColumnsSpec): void {
    const former = [...this.#options.recorded.keys()].includes(table) || this.#wasRenamed(table)
    if (!former || from === spec.name || from === '' || from.startsWith('sqlite_')) return
    this.changes.push({ kind: 'rename_constraint', table, of, from, spec })
  }

  #wasRenamed(table: string): boolean {
    return this.changes.some((change) => change.kind === 'rename_table' && change.table === table)
  }

  #sets(
    kind: 'unique' | 'index',
    before: TableSpec,
    wanted: TableSpec,
    ours: boolean,
  ): readonly ColumnsSpec[] {
    const table = wanted.name
    const of = kind === 'unique' && this.#options.dialect === 'postgres' ? 'constraint' : 'index'
    const [have, want] =
      kind === 'unique' ? [before.uniques, wanted.uniques] : [before.indexes, wanted.indexes]
    for (const spec of want) {
      const found = have.find((candidate) => fits(kind, candidate.columns, spec.columns))
      if (found === undefined) this.changes.push({ kind: `add_${kind}`, table, spec })
      else this.#name(table, of, found.name, spec)
    }
    const others = have.filter(
      (spec) => !want.some((candidate) => fits(kind, spec.columns, candidate.columns)),
    )
    if (kind === 'index') return []
    if (!ours) return [...want, ...others]
    for (const spec of others) this.changes.push({ kind: 'drop_unique', table, spec })
    return want
  }

  /** Indexes that somebody else made stay; ours go when they are no longer wanted. */
  #spareIndexes(before: TableSpec, wanted: TableSpec, ours: boolean): readonly ColumnsSpec[] {
    const others = before.indexes.filter(
      (spec) => !wanted.indexes.some((candidate) => fits('index', spec.columns, candidate.columns)),
    )
    return others.filter((spec) => {
      const made = ours && spec.name === indexName(wanted.name, spec.columns)
      if (made) this.changes.push({ kind: 'drop_index', table: wanted.name, spec })
      return !made
    })
  }

  #checks(before: TableSpec, wanted: TableSpec, ours: boolean): void {
    const table = wanted.name
    for (const spec of before.checks) {
      const wantedCheck = wanted.checks.some((candidate) => sameCheck(spec, candidate))
      if (!wantedCheck && (ours || wanted.checks.some(({ column }) => column === spec.column))) {
        this.changes.push({ kind: 'drop_check', table, spec })
      }
    }
    for (const spec of wanted.checks) {
      const found = before.checks.find((candidate) => sameCheck(spec, candidate))
      if (found === undefined) this.changes.push({ kind: 'add_check', table, spec })
      else if (this.#options.dialect === 'postgres') {
        this.#name(table, 'constraint', found.name, { name: spec.name, columns: [spec.column] })
      }
    }
  }

  #foreignKeys(before: TableSpec, wanted: TableSpec, ours: boolean): void {
    const table = wanted.name
    const same = (a: ForeignKeySpec, b: ForeignKeySpec) =>
      samePairs(a, b) && (a.onDelete === b.onDelete || !ours)
    for (const spec of before.foreignKeys) {
      if (ours && !wanted.foreignKeys.some((candidate) => same(spec, candidate))) {
        this.changes.push({ kind: 'drop_foreign_key', table, spec })
      }
    }
    for (const spec of wanted.foreignKeys) {
      const found = before.foreignKeys.find((candidate) => same(spec, candidate))
      if (found === undefined) this.changes.push({ kind: 'add_foreign_key', table, spec })
      else this.#name(table, 'constraint', found.name, spec)
    }
  }

  /** Tables that migrations have made and the configuration no longer names. */
  dropTables(): void {
    for (const table of this.#options.recorded.keys()) {
      if (this.#wanted.has(table) || this.#taken.has(table) || !this.#live.has(table)) continue
      if (this.#options.keep) this.kept.push(table)
      else this.changes.push({ kind: 'drop_table', table })
    }
  }
}
