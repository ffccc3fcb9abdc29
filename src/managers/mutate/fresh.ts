/**
 * New rows of one resource that hold nothing nested, on PostgreSQL: insert, history record and answer as one autocommit
 * statement, one round trip. Rows come back in the order in which they were given.
 */
import type { Row } from '../../hooks.js'
import type { Column, Model, Resource } from '../../model/model.js'
import type { Access, Selection } from '../../plan/plan.js'
import type { Statement } from '../database.js'
import { type Compilation, compilation } from '../select/compilation.js'
import type { Pair } from '../select/dialect.js'
import { correlated } from '../select/objects.js'
import { bind, names, quote, RECORD_TYPE, type StoredColumn } from './columns.js'
import { HISTORY_COLUMNS, HISTORY_TABLE, type HistoryRow } from './history.js'
import { records, recordsText, type Writer } from './rows.js'

export interface FreshInsert {
  readonly resource: Resource
  /** Every stored column but the generated key and the shared ones. */
  readonly columns: readonly StoredColumn[]
  /** Columns that have the same value in all rows, which travels once. */
  readonly shared: readonly StoredColumn[]
  /** Complete: defaults are in. */
  readonly rows: readonly Readonly<Row>[]
  /** The body is an array. */
  readonly many: boolean
  /** What the answer shows, and to whom. */
  readonly selection: Selection
  readonly access: Access
  /** The statement itself fills in the keys. */
  readonly history: Omit<HistoryRow, 'key' | 'keys'>
}

/** Columns of the history record that are given; the keys are only known to the statement. */
const GIVEN = HISTORY_COLUMNS.filter(({ name }) => name !== 'key' && name !== 'keys')

/**
 * One row: of an object its JSON text and key, of an array the texts of all, joined by commas. Null when the answer needs parameters of its own (lists of groups on related rows) or the key is
 * not one generated column: then the ordinary way is taken.
 */
export function freshStatement(model: Model, writer: Writer, insert: FreshInsert): Statement | null {
  const { resource, columns, shared, rows, many, history } = insert
  const key = resource.generatedKey
  if (key === null || resource.primaryKey.length !== 1 || resource.versioned !== false) return null
  const shape = `fresh ${resource.name} ${many} ${insert.access.kind} ${writer.texts.numberOf(insert.selection)}`
  const { name, text } = writer.texts.get(shape, () => freshText(model, insert, key) ?? '')
  if (text === '') return null
  const [first] = rows
  const valuesOf = (some: readonly StoredColumn[]) =>
    some.map((column) => bind('postgres', column, first?.[column.name]))
  const given = [...(many ? [recordsText(columns, rows)] : valuesOf(columns)), ...valuesOf(shared)]
  const recorded = GIVEN.map((column) => history[column.name as keyof typeof history])
  return { text, values: [...given, ...recorded], ...(name === undefined ? {} : { name }) }
}

function freshText(
  model: Model,
  { resource, columns, shared, many, ...shown }: FreshInsert,
  key: Column,
): string | null {
  const c = compilation(model, 'postgres', shown.access.kind)
  const row = c.parameters.number(c.dialect.object(pairs(c, resource, shown.selection)), 'postgres')
  if (row.finds.length > 0) return null
  const parameters = (some: readonly StoredColumn[], after: number): readonly string[] =>
    some.map((column, index) => `$${after + index + 1}::${RECORD_TYPE[column.type]}`)
  const width = many ? 1 : columns.length
  const common = parameters(shared, width)
  const source = many
    ? `SELECT ${[...columns.map((column) => `x.${quote(column.name)}`), ...common].join(', ')} FROM ${records(columns)}`
    : `VALUES (${[...parameters(columns, 0), ...common].join(', ')})`
  const given = parameters(GIVEN, width + shared.length)
  const inserted = `INSERT INTO ${quote(resource.table)} AS p (${names([...columns, ...shared])}) ${source} RETURNING`
  const answer = many
    ? `biodm_rows AS (${inserted} *), biodm_answer AS MATERIALIZED (${joinedAnswer(row.text, key)})`
    : `biodm_answer AS (${inserted} ${row.text} AS j, p.${quote(key.name)} AS k)`
  return (
    `WITH ${answer}, biodm_entry AS (INSERT INTO ${quote(HISTORY_TABLE)}` +
    ` (${names(GIVEN)}, ${many ? '"keys"' : '"key"'}) SELECT ${given.join(', ')}, k::text FROM biodm_answer)` +
    ` SELECT j, k FROM biodm_answer`
  )
}

/** Generated keys are numbers: their texts need no escaping. */
const joinedAnswer = (row: string, key: Column): string =>
  `SELECT string_agg(${row}::text, ',') AS j, '["' || string_agg(p.${quote(key.name)}::text, '","') || '"]' AS k` +
  ` FROM (SELECT * FROM biodm_rows AS p ORDER BY p.${quote(key.name)}) AS p`

/** A row that is new has no related rows yet, except those that it points at. */
function pairs(c: Compilation, resource: Resource, selection: Selection): readonly Pair[] {
  const own = correlated(c, resource, { ...selection, relations: [] }, 'p')
  const related = selection.relations.flatMap((relation): readonly Pair[] => {
    const kind = resource.relations.get(relation.relation)?.kind
    if (kind === 'many' || kind === 'through') return [[relation.relation, "'[]'::json"]]
    if (kind === 'inverse_one') return [[relation.relation, 'NULL::json']]
    return correlated(c, resource, { columns: [], permissions: [], relations: [relation] }, 'p')
  })
  return [...own, ...related]
}
