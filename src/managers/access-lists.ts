/**
 * The `perm_*` fields as SQL: shown as JSON by a correlated expression, and written by a constant number of statements
 * whatever the number of rows.
 */
import type { DialectName } from '../config/definition.js'
import {
  listEntryTable,
  listKeyColumn,
  listTable,
  type Model,
  type PermissionRule,
  type Resource,
} from '../model/model.js'
import { type PathsBinder, rowPredicate } from './access.js'
import { quote, RECORD_TYPE, type StoredColumn } from './mutate/columns.js'
import { columnShape, type Writer } from './mutate/rows.js'
import type { Step } from './mutate/step.js'

/**
 * JSON of field `name` on the row of `alias`: `{ "read": { "id": 1, "groups": [{ "path": "lab" }] }, "write": null }`, or a
 * mark that `withoutHidden` takes out for a row that the caller may not update. `binder` null: the caller passes every check.
 */
export function listField(
  model: Model,
  resource: Resource,
  name: string,
  alias: string,
  binder: PathsBinder | null,
  dialect: DialectName,
): string {
  const rules = resource.permissions.filter(({ field }) => field === name)
  const build = dialect === 'postgres' ? 'json_build_object' : 'json_object'
  const lists = rules.flatMap((rule) =>
    rule.verbs.map((verb) => `${literal(verb)}, ${listOf(resource, rule, verb, alias, dialect)}`),
  )
  const shown = binder === null ? null : rowPredicate(model, resource, 'update', alias, binder, dialect)
  const value = `${build}(${lists.join(', ')})`
  if (shown === null) return value
  return dialect === 'postgres'
    ? `CASE WHEN ${shown} THEN ${value} ELSE '${HIDDEN}'::json END`
    : `CASE WHEN ${shown} THEN ${value} ELSE '${HIDDEN}' END`
}

/** JSON that no stored value can be: NUL is refused in everything that is written. */
const HIDDEN = '"\\u0000"'
const LAST = /\s*,\s*"[^"\\]+"\s*:\s*"\\u0000"/g
const FIRST = /"[^"\\]+"\s*:\s*"\\u0000"\s*,?\s*/g

/** JSON text without the fields that are not for the caller. */
export const withoutHidden = (text: string): string =>
  text.includes(HIDDEN) ? text.replace(LAST, '').replace(FIRST, '') : text

function listOf(
  resource: Resource,
  rule: PermissionRule,
  verb: string,
  alias: string,
  dialect: DialectName,
): string {
  const { table, primaryKey } = resource
  const on = primaryKey.map(({ name }) => `acl.${quote(listKeyColumn(name))} = ${alias}.${quote(name)}`)
  const where = [...on, `acl."rule" = ${literal(rule.key)}`, `acl."verb" = ${literal(verb)}`].join(' AND ')
  const entries = `FROM ${quote(listEntryTable(table))} AS ace WHERE ace."list_id" = acl."id"`
  const list =
    dialect === 'postgres'
      ? `json_build_object('id', acl."id", 'groups', COALESCE((SELECT json_agg(json_build_object('path', ace."path") ORDER BY ace."path" COLLATE "C") ${entries}), '[]'::json))`
      : `json_object('id', acl."id", 'groups', json((SELECT json_group_array(json_object('path', ace."path") ORDER BY ace."path") ${entries})))`
  const selected = `(SELECT ${list} FROM ${quote(listTable(table))} AS acl WHERE ${where})`
  return dialect === 'postgres' ? selected : `json(${selected})`
}

/** One list that a request changes; `key` holds the carrier's key columns. */
export interface ListChange {
  readonly key: Readonly<Record<string, unknown>>
  readonly rule: string
  readonly verb: string
  /** `replace`: exactly these groups. `add`: these as well. `clear`: no list at all. */
  readonly mode: 'replace' | 'add' | 'clear'
  readonly paths: readonly string[]
}

/** Statements that carry out changes of lists of one resource, in order. The carriers' rows must exist by then. */
export function listSteps(
  writer: Writer,
  resource: Resource,
  changes: readonly ListChange[],
): readonly Step[] {
  const of = (...modes: readonly ListChange['mode'][]) => changes.filter(({ mode }) => modes.includes(mode))
  const kept = of('replace', 'add')
  const keys = kept.map(identified)
  const entries = kept.flatMap((change) => change.paths.map((path) => ({ ...identified(change), path })))
  return [
    step(writer, resource, 'clear', of('clear').map(identified)),
    step(writer, resource, 'empty', of('replace').map(identified)),
    step(writer, resource, 'list', keys),
    step(writer, resource, 'entry', entries),
  ].filter(({ values }) => values.length > 0)
}

/** A row and the one that was copied from it. */
export interface CopiedRow {
  readonly from: Readonly<Record<string, unknown>>
  readonly to: Readonly<Record<string, unknown>>
}

/** Gives copies the lists of their originals, with lists of their own, so that the two evolve independently. */
export function copyListSteps(
  writer: Writer,
  resource: Resource,
  rows: readonly CopiedRow[],
): readonly Step[] {
  if (resource.permissions.length === 0 || rows.length === 0) return []
  const given: readonly StoredColumn[] = resource.primaryKey.flatMap(({ name, type }) => [
    { name: `from_${name}`, type },
    { name: `to_${name}`, type },
  ])
  const values = [
    [
      JSON.stringify(
        rows.map(({ from, to }) =>
          Object.fromEntries(
            resource.primaryKey.flatMap(({ name }) => [
              [`from_${name}`, from[name]],
              [`to_${name}`, to[name]],
            ]),
          ),
        ),
      ),
    ],
  ]
  const keys = resource.primaryKey.map(({ name }) => name)
  const source = recordset(writer.dialect, given)
  const lists = quote(listTable(resource.table))
  const entries = quote(listEntryTable(resource.table))
  const on = (alias: string, side: 'from' | 'to'): string =>
    keys.map((name) => `${alias}.${quote(listKeyColumn(name))} = x.${quote(`${side}_${name}`)}`).join(' AND ')
  const owner = keys.map((name) => quote(listKeyColumn(name))).join(', ')
  const copies = keys.map((name) => `x.${quote(`to_${name}`)}`).join(', ')
  const shape = `${resource.table} ${columnShape(given)}`
  return [
    {
      ...writer.texts.get(
        `lists copy ${shape}`,
        () =>
          `INSERT INTO ${lists} (${owner}, "rule", "verb") SELECT ${copies}, l."rule", l."verb" FROM ${source} JOIN ${lists} AS l ON ${on('l', 'from')}`,
      ),
      values,
    },
    {
      ...writer.texts.get(
        `lists copy entries ${shape}`,
        () =>
          `INSERT INTO ${entries} ("list_id", "path") SELECT n."id", e."path" FROM ${source} JOIN ${lists} AS l ON ${on('l', 'from')}` +
          ` JOIN ${lists} AS n ON ${on('n', 'to')} AND n."rule" = l."rule" AND n."verb" = l."verb"` +
          ` JOIN ${entries} AS e ON e."list_id" = l."id"`,
      ),
      values,
    },
  ]
}

/** Rows of one JSON parameter, as `x`. */
const recordset = (dialect: DialectName, columns: readonly StoredColumn[]): string =>
  dialect === 'postgres'
    ? `json_to_recordset($1) AS x(${columns.map(({ name, type }) => `${quote(name)} ${RECORD_TYPE[type]}`).join(', ')})`
    : `(SELECT ${columns.map(({ name }) => `j.value ->> ${literal(`$.${JSON.stringify(name)}`)} AS ${quote(name)}`).join(', ')} FROM json_each(?) AS j) AS x`

const identified = ({ key, rule, verb }: ListChange): Record<string, unknown> => ({
  ...Object.fromEntries(Object.entries(key).map(([name, value]) => [listKeyColumn(name), value])),
  rule,
  verb,
})

type Kind = 'clear' | 'empty' | 'list' | 'entry'

/** Columns that name a list: the carrier's key, rule and verb. */
function listColumns(resource: Resource): readonly StoredColumn[] {
  return [
    ...resource.primaryKey.map(({ name, type }): StoredColumn => ({ name: listKeyColumn(name), type })),
    { name: 'rule', type: 'text' },
    { name: 'verb', type: 'text' },
  ]
}

function step(
  writer: Writer,
  resource: Resource,
  kind: Kind,
  rows: readonly Readonly<Record<string, unknown>>[],
): Step {
  const columns = listColumns(resource)
  const named = writer.texts.get(`lists ${kind} ${resource.table} ${columnShape(columns)}`, () =>
    text(writer.dialect, resource, kind, columns),
  )
  return { ...named, values: rows.length === 0 ? [] : [[JSON.stringify(rows)]] }
}

/** Rows come as one JSON parameter on both databases. */
function text(
  dialect: DialectName,
  resource: Resource,
  kind: Kind,
  columns: readonly StoredColumn[],
): string {
  const given = kind === 'entry' ? [...columns, PATH] : columns
  const from = recordset(dialect, given)
  const lists = quote(listTable(resource.table))
  const entries = quote(listEntryTable(resource.table))
  const list = columns.map(({ name }) => quote(name)).join(', ')
  const same = columns.map(({ name }) => `l.${quote(name)} = x.${quote(name)}`).join(' AND ')
  const found = `SELECT l."id" FROM ${from} JOIN ${lists} AS l ON ${same}`
  switch (kind) {
    case 'clear':
      return `DELETE FROM ${lists} WHERE "id" IN (${found})`
    case 'empty':
      return `DELETE FROM ${entries} WHERE "list_id" IN (${found})`
    case 'list':
      // `WHERE true` keeps SQLite from reading ON CONFLICT as a join condition.
      return `INSERT INTO ${lists} (${list}) SELECT ${list} FROM ${from} WHERE true ON CONFLICT DO NOTHING`
    case 'entry':
      return `INSERT INTO ${entries} ("list_id", "path") SELECT l."id", x."path" FROM ${from} JOIN ${lists} AS l ON ${same} WHERE true ON CONFLICT DO NOTHING`
  }
}

const PATH: StoredColumn = Object.freeze({ name: 'path', type: 'text' })

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`
