/** One plan of a kind → the text of its one statement. Rows come as JSON text in the first column. */
import type { Resource } from '../../model/model.js'
import type { ListPlan, ReadPlan, RelatedPlan, Selection } from '../../plan/plan.js'
import {
  at,
  type BackPlan,
  type Compilation,
  columnNamed,
  keyOrder,
  relatedRows,
  relationNamed,
  type SelectPlan,
  table,
  where,
} from './compilation.js'
import { KEY_ORDER, type Pair } from './dialect.js'
import { correlated, joined, type Members } from './objects.js'
import { countSql, offset, pageSource, parentKey } from './page.js'

/** Whether the primary key of each row is wanted too, as a JSON array in a column of its own: hooks need it. */
export interface Wanted {
  readonly keys: boolean
}

export function readText(c: Compilation, plan: ReadPlan, wanted: Wanted): string {
  const resource = c.model.resource(plan.resource)
  const alias = c.alias()
  const conditions = [
    ...resource.primaryKey.map(({ name }) => `${at(alias, name)} = ${rowKey(c, name)}`),
    ...c.readable(resource, alias),
  ]
  const from = `FROM ${table(resource, alias)}${where(conditions)}`
  return objectRows(
    c,
    correlated(c, resource, plan.selection, alias),
    keyColumn(c, resource, alias, wanted),
    from,
  )
}

/** One row of JSON for each row of `from`, with further columns beside it. */
function objectRows(c: Compilation, pairs: readonly Pair[], others: readonly string[], from: string): string {
  if (others.length === 0) return c.dialect.selectObjects(pairs, from)
  return `SELECT ${[c.dialect.object(pairs), ...others].join(', ')} ${from}`
}

export function relatedText(c: Compilation, plan: RelatedPlan, wanted: Wanted): string {
  const parent = c.model.resource(plan.resource)
  const alias = c.alias()
  const rows = relatedRows(c, parent, relationNamed(parent, plan.relation), alias)
  const conditions = [
    ...parent.primaryKey.map(({ name }) => `${at(alias, name)} = ${rowKey(c, name)}`),
    ...c.readable(parent, alias),
  ]
  const from =
    `FROM ${table(parent, alias)} JOIN ${rows.source}` +
    ` ON ${[...rows.conditions, ...rows.hoisted].join(' AND ')}${where(conditions)}`
  const pairs = correlated(c, rows.target, plan.selection, rows.alias)
  return objectRows(c, pairs, keyColumn(c, rows.target, rows.alias, wanted), from)
}

function rowKey(c: Compilation, name: string): string {
  return c.parameters.shared(`key.${name}`, (plan: SelectPlan) =>
    plan.kind === 'read' || plan.kind === 'related' ? plan.key[name] : null,
  )
}

/** A page, as one text unless hooks want its rows one by one, with their keys. */
export const listText = (c: Compilation, plan: ListPlan, wanted: Wanted): string =>
  wanted.keys ? rowsText(c, plan) : packedText(c, plan)

/**
 * Columns: the row; with `count` or a parent the total (null without `count`); the key. Where there is a total or a parent,
 * there is at least one row, whose JSON is null when the page is empty; no row at all means that the parent is absent
 * or not readable.
 */
function rowsText(c: Compilation, plan: ListPlan): string {
  const resource = c.model.resource(plan.resource)
  const header = headerSql(c, plan)
  const page = pageSource(c, plan, neededColumns(resource, plan.selection))
  const members = membersOf(c, resource, plan.selection)
  const cte = `WITH biodm_page AS MATERIALIZED (${page.text}) `
  const order = `ORDER BY ${page.order('p')}`
  const keys = keyColumn(c, resource, 'p', { keys: true })
  if (header === null) {
    return cte + objectRows(c, members.pairs, keys, `FROM ${[PAGE, ...members.joins].join(' ')} ${order}`)
  }
  const key = at('p', resource.primaryKey[0]?.name ?? 'id')
  const row = `CASE WHEN ${key} IS NOT NULL THEN ${c.dialect.object(members.pairs)} END`
  const from = [`${header} AS h LEFT JOIN ${PAGE} ON true`, ...members.joins].join(' ')
  return `${cte}SELECT ${[row, 'h.total', ...keys].join(', ')} FROM ${from} ${order}`
}

const PAGE = 'biodm_page AS p'

function membersOf(c: Compilation, resource: Resource, selection: Selection): Members {
  return c.dialect.name === 'postgres' && selection.relations.length > 0
    ? joined(c, resource, selection, 'p', 'biodm_page')
    : { pairs: correlated(c, resource, selection, 'p'), joins: [] }
}

/**
 * `[text, more, total]`: the rows of the page, joined by commas, null for an empty one; whether a further row follows.
 * No row at all: the parent is absent or not readable.
 */
function packedText(c: Compilation, plan: ListPlan): string {
  const header = headerSql(c, plan)
  const { rows, more, cte } =
    c.dialect.name === 'sqlite' && isPlain(plan) ? plainRows(c, plan) : pagedRows(c, plan)
  const from = header === null ? '' : ` FROM ${header} AS h`
  return `${cte}SELECT ${rows}, ${more}${header === null ? '' : ', h.total'}${from}`
}

/** What SQLite does best: in the order of the primary key no row is touched that is not sent. */
function plainRows(c: Compilation, plan: ListPlan) {
  const resource = c.model.resource(plan.resource)
  const alias = c.alias()
  const pairs = correlated(c, resource, plan.selection, alias)
  const end = c.parameters.bind((other) => (other.kind === 'list' ? other.end : 0))
  const next = c.alias()
  const page = `ORDER BY ${keyOrder(c, resource, alias)} LIMIT ${plan.end - plan.start}${offset(c, plan)}`
  return {
    cte: '',
    rows: c.dialect.joinedObjects(pairs, `FROM ${table(resource, alias)} ${page}`),
    more: `EXISTS (SELECT 1 FROM ${table(resource, next)} LIMIT 1 OFFSET ${end})`,
  }
}

/** The page first, so that no row is formatted that is not sent. */
function pagedRows(c: Compilation, plan: ListPlan) {
  const resource = c.model.resource(plan.resource)
  const size = plan.end - plan.start
  const page = pageSource(c, plan, neededColumns(resource, plan.selection))
  const { pairs, joins } = membersOf(c, resource, plan.selection)
  const from = `FROM ${[PAGE, ...joins].join(' ')} ORDER BY ${page.order('p')} LIMIT ${size}`
  return {
    cte: `WITH biodm_page AS MATERIALIZED (${page.text}) `,
    rows: c.dialect.joinedObjects(pairs, from),
    more: `(SELECT count(*) FROM biodm_page) > ${size}`,
  }
}

const isPlain = (plan: ListPlan): boolean =>
  plan.access.kind === 'all' &&
  plan.parent === null &&
  plan.sort.length === 0 &&
  plan.filter.conditions.length === 0 &&
  plan.filter.relations.length === 0

/** The one row that a list with a total or a parent always has. */
function headerSql(c: Compilation, plan: ListPlan): string | null {
  if (plan.parent === null && !plan.count) return null
  const total = plan.count ? countSql(c, plan) : 'NULL'
  if (plan.parent === null) return `(SELECT ${total} AS total)`
  const parent = c.model.resource(plan.parent.resource)
  const alias = c.alias()
  const conditions = [
    ...parent.primaryKey.map(({ name }) => `${at(alias, name)} = ${parentKey(c, name)}`),
    ...c.readable(parent, alias),
  ]
  return `(SELECT ${total} AS total FROM ${table(parent, alias)}${where(conditions)})`
}

/** Stored columns that the members of a selection, its relations and access predicates refer to. */
function neededColumns(resource: Resource, selection: Selection): readonly string[] {
  const shown = new Set(selection.columns)
  return [...resource.columns.values()]
    .filter(({ name, primary, role, virtual }) => !virtual && (primary || role !== 'data' || shown.has(name)))
    .map(({ name }) => name)
    .concat(linkColumns(resource, selection, shown))
}

/** Columns of derived relations are not marked as foreign keys. */
function linkColumns(
  resource: Resource,
  selection: Selection,
  shown: ReadonlySet<string>,
): readonly string[] {
  const names = selection.relations.flatMap(({ relation }) => {
    const { kind, ...rest } = relationNamed(resource, relation)
    return kind === 'one' && 'columns' in rest ? rest.columns.map(({ column }) => column) : []
  })
  return names.filter((name) => !shown.has(name) && columnNamed(resource, name).role === 'data')
}

function keyColumn(c: Compilation, resource: Resource, alias: string, wanted: Wanted): readonly string[] {
  if (!wanted.keys) return []
  return [c.dialect.list(resource.primaryKey.map((column) => c.dialect.json(column, at(alias, column.name))))]
}

/**
 * Rows by their keys, one for each key and in their order: null for one that is not there or that the caller may not read.
 */
export function backText(c: Compilation, plan: BackPlan, wanted: Wanted): string {
  return plan.keys.length === 1 ? oneBack(c, plan, wanted) : manyBack(c, plan, wanted)
}

function oneBack(c: Compilation, plan: BackPlan, wanted: Wanted): string {
  const resource = c.model.resource(plan.resource)
  const conditions = resource.primaryKey.map(({ name }) => {
    const value = c.parameters.bind((other) => (other.kind === 'back' ? other.keys[0]?.[name] : null))
    return `${at('p', name)} = ${value}`
  })
  const row = readableOrNull(c, resource, c.dialect.object(correlated(c, resource, plan.selection, 'p')))
  const columns = [row, ...keyColumn(c, resource, 'p', wanted)]
  return `SELECT ${columns.join(', ')} FROM ${table(resource, 'p')}${where(conditions)}`
}

function manyBack(c: Compilation, plan: BackPlan, wanted: Wanted): string {
  const resource = c.model.resource(plan.resource)
  const keys = c.parameters.bind((other) =>
    other.kind === 'back' ? JSON.stringify(other.keys.map((each) => keyValues(resource, each))) : null,
  )
  const members = membersOf(c, resource, plan.selection)
  const key = at('p', resource.primaryKey[0]?.name ?? 'id')
  const row = `CASE WHEN ${key} IS NOT NULL THEN ${readableOrNull(c, resource, c.dialect.object(members.pairs))} END`
  const alias = c.alias()
  const columns = neededColumns(resource, plan.selection).map((name) => at(alias, name))
  const on = resource.primaryKey.map(({ name }, index) => `${at(alias, name)} = k.k${index}`)
  if (c.dialect.name === 'postgres') {
    // Goes by the primary key whatever the planner thinks of the number of keys.
    on.push(`${at(alias, resource.primaryKey[0]?.name ?? 'id')} = ANY(ARRAY(SELECT k0 FROM biodm_keys))`)
  }
  return (
    `WITH biodm_keys AS MATERIALIZED (${c.dialect.keys(resource.primaryKey, keys)}), biodm_page AS MATERIALIZED (` +
    `SELECT k.${KEY_ORDER}, ${columns.join(', ')} FROM biodm_keys AS k LEFT JOIN ${table(resource, alias)} ON ${on.join(' AND ')})` +
    ` SELECT ${[row, ...keyColumn(c, resource, 'p', wanted)].join(', ')}` +
    ` FROM biodm_page AS p ${members.joins.join(' ')} ORDER BY p.${KEY_ORDER}`
  )
}

function readableOrNull(c: Compilation, resource: Resource, row: string): string {
  const readable = c.readable(resource, 'p')
  return readable.length === 0 ? row : `CASE WHEN ${readable.join(' AND ')} THEN ${row} END`
}

const keyValues = (resource: Resource, key: Readonly<Record<string, unknown>>): readonly unknown[] =>
  resource.primaryKey.map(({ name }) => key[name])
