import type { Change, ChangeKind } from './changes.js'
import {
  checkClause,
  columnClause,
  createIndex,
  fillExpression,
  foreignKeyClause,
  isConstant,
  seedStatement,
  temporaryName,
} from './ddl.js'
import { type ColumnSpec, quote, quoteAll, quoteText, type TableSpec } from './schema.js'
import { conversion, isStoredAlike } from './types.js'

/** Changes that SQLite makes in place. All others of a table are made together by building it anew. */
const IN_PLACE: ReadonlySet<ChangeKind> = new Set([
  'rename_table',
  'rename_column',
  'create_table',
  'drop_table',
  'add_index',
  'drop_index',
  'add_unique',
  'rename_constraint',
])

function createTable(spec: TableSpec, name = spec.name): string {
  const single = spec.columns.find((column) => column.identity)
  const lines = [
    ...spec.columns.map((column) =>
      column === single
        ? `${quote(column.name)} INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT`
        : columnClause('sqlite', column),
    ),
    ...(single === undefined && spec.primaryKey.length > 0
      ? [`PRIMARY KEY (${quoteAll(spec.primaryKey)})`]
      : []),
    ...spec.checks.map(checkClause),
    ...spec.foreignKeys.map(foreignKeyClause),
  ]
  return `CREATE TABLE ${quote(name)} (\n  ${lines.join(',\n  ')}\n) STRICT`
}

const indexes = (spec: TableSpec): readonly string[] => [
  ...spec.uniques.map((unique) => createIndex(spec.name, nameless(spec, unique), true)),
  ...spec.indexes.map((index) => createIndex(spec.name, index)),
]

/** An index that SQLite made for a constraint in an adopted table has a name that cannot be given. */
const nameless = <T extends { readonly name: string; readonly columns: readonly string[] }>(
  spec: TableSpec,
  unique: T,
): T =>
  unique.name.startsWith('sqlite_')
    ? { ...unique, name: `${spec.name}_${unique.columns.join('_')}_key` }
    : unique

/** A column may be added in place when it needs no constraint beside it and existing rows get a constant. */
function addsInPlace(change: Change, tableChanges: readonly Change[]): boolean {
  if (change.kind !== 'add_column') return false
  const { name, required } = change.column
  const constrained = tableChanges.some(
    (other) =>
      (other.kind === 'add_foreign_key' && other.spec.columns.includes(name)) ||
      (other.kind === 'add_check' && other.spec.column === name) ||
      other.kind === 'change_key',
  )
  const constant = isConstant(change.column) && fillExpression('sqlite', change.column) !== undefined
  return !constrained && !change.column.identity && (constant || (!required && change.column.fill === null))
}

/** Only what is recorded of the column changes. */
const changesNothing = (change: Change): boolean =>
  change.kind === 'change_type' && isStoredAlike(change.from, change.column.type)

/** A unique index is dropped in place; a constraint in an adopted table is part of the table. */
const dropsIndex = (change: Change): boolean =>
  change.kind === 'drop_unique' && !change.spec.name.startsWith('sqlite_')

function inPlace(change: Change): readonly string[] {
  switch (change.kind) {
    case 'rename_table':
      return [`ALTER TABLE ${quote(change.from)} RENAME TO ${quote(change.table)}`]
    case 'rename_column':
      return [`ALTER TABLE ${quote(change.table)} RENAME COLUMN ${quote(change.from)} TO ${quote(change.to)}`]
    case 'create_table':
      return [createTable(change.spec), ...indexes(change.spec)]
    case 'drop_table':
      return [`DROP TABLE ${quote(change.table)}`]
    case 'add_index':
    case 'add_unique':
      return [createIndex(change.table, change.spec, change.kind === 'add_unique')]
    case 'drop_index':
    case 'drop_unique':
      return [`DROP INDEX ${quote(change.spec.name)}`]
    case 'rename_constraint':
      return renameIndex(change)
    case 'add_column':
      return [addColumn(change.table, change.column)]
    default:
      return []
  }
}

/** Only indexes have names that SQLite keeps. */
function renameIndex({
  table,
  of,
  from,
  spec,
}: Extract<Change, { kind: 'rename_constraint' }>): readonly string[] {
  if (of !== 'index') return []
  return [`DROP INDEX ${quote(from)}`, createIndex(table, spec, spec.name.endsWith('_key'))]
}

function addColumn(table: string, column: ColumnSpec): string {
  const fill = fillExpression('sqlite', column)
  const clause = columnClause('sqlite', column)
  return `ALTER TABLE ${quote(table)} ADD COLUMN ${clause}${fill === undefined ? '' : ` DEFAULT ${fill}`}`
}

/** The expression that carries a column over. */
function carried(column: ColumnSpec, before: TableSpec, changes: readonly Change[]): string {
  const exists = before.columns.some(({ name }) => name === column.name)
  const fill = fillExpression('sqlite', column)
  if (!exists) return fill ?? 'NULL'
  const retyped = changes.find(
    (change) => change.kind === 'change_type' && change.column.name === column.name,
  )
  const value =
    retyped?.kind === 'change_type' && !isStoredAlike(retyped.from, column.type)
      ? conversion('sqlite', retyped.from, column.type, quote(column.name))
      : quote(column.name)
  return column.required && fill !== undefined ? `COALESCE(${value}, ${fill})` : value
}

/**
 * The procedure that SQLite documents for changes it cannot make in place: a new table, its rows, the old one away, the
 * new one under its name. Foreign keys are not enforced meanwhile; the caller checks them before the commit.
 */
function rebuild(before: TableSpec, after: TableSpec, changes: readonly Change[]): readonly string[] {
  const temporary = temporaryName(after.name)
  const columns = quoteAll(after.columns.map(({ name }) => name))
  const values = after.columns.map((column) => carried(column, before, changes)).join(', ')
  const counted = after.columns.some((column) => column.identity)
  return [
    createTable(after, temporary),
    `INSERT INTO ${quote(temporary)} (${columns}) SELECT ${values} FROM ${quote(after.name)}`,
    ...(counted ? carriedCounter(after.name, temporary) : []),
    `DROP TABLE ${quote(after.name)}`,
    `ALTER TABLE ${quote(temporary)} RENAME TO ${quote(after.name)}`,
    ...indexes(after),
  ]
}

/** Numbers of deleted rows are not used again. */
const carriedCounter = (table: string, temporary: string): readonly string[] => [
  `DELETE FROM sqlite_sequence WHERE name = ${quoteText(temporary)} AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ${quoteText(table)})`,
  `INSERT INTO sqlite_sequence (name, seq) SELECT ${quoteText(temporary)}, seq FROM sqlite_sequence WHERE name = ${quoteText(table)}`,
]

/** `ordered`: as `inOrder` leaves them. */
export function sqliteStatements(
  ordered: readonly Change[],
  tables: ReadonlyMap<string, { readonly before: TableSpec; readonly after: TableSpec }>,
): readonly string[] {
  const rebuilt = new Set<string>()
  for (const change of ordered) {
    const others = ordered.filter((other) => other.table === change.table)
    if (
      !IN_PLACE.has(change.kind) &&
      !addsInPlace(change, others) &&
      !dropsIndex(change) &&
      !changesNothing(change)
    )
      rebuilt.add(change.table)
  }
  const statements: string[] = []
  const names = ordered.filter(({ kind }) => kind === 'rename_table' || kind === 'rename_column')
  statements.push(...names.flatMap(inPlace))
  for (const table of rebuilt) {
    const shapes = tables.get(table)
    const changes = ordered.filter((change) => change.table === table)
    if (shapes !== undefined) statements.push(...rebuild(shapes.before, shapes.after, changes))
  }
  const rest = ordered.filter((change) => !names.includes(change) && !rebuilt.has(change.table))
  statements.push(...rest.flatMap(inPlace))
  for (const change of ordered) {
    if (change.kind !== 'create_table') continue
    const seed = seedStatement(change.spec)
    if (seed !== undefined) statements.push(seed)
  }
  return statements
}
