/**
 * Rows as JSON objects. Two ways to come by related rows: `correlated`, a subquery for each row, best for single rows and
 * on SQLite; `joined`, on PostgreSQL's pages: to-one relations joined, children aggregated once for the whole page.
 */
import type { Relation, Resource } from '../../model/model.js'
import type { RelatedSelection, Selection } from '../../plan/plan.js'
import { listField } from '../access-lists.js'
import {
  at,
  type Compilation,
  columnNamed,
  keyOrder,
  type RelatedRows,
  relatedRows,
  relationNamed,
  where,
} from './compilation.js'
import { type BareRows, type Pair, WHOLE } from './dialect.js'

/** The members of an object, and the joins that they need next to its row. */
export interface Members {
  readonly pairs: readonly Pair[]
  readonly joins: readonly string[]
}

/** Members of the row of `alias`; related rows by subqueries. */
export function correlated(
  c: Compilation,
  resource: Resource,
  selection: Selection,
  alias: string,
): readonly Pair[] {
  return [
    ...ownPairs(c, resource, selection, alias),
    ...selection.relations.map(
      ({ relation, selection: inner }): Pair => [
        relation,
        subquery(c, resource, relationNamed(resource, relation), inner, alias),
      ],
    ),
  ]
}

/** Members of the rows of `alias`, which are those of the CTE `page`. */
export function joined(
  c: Compilation,
  resource: Resource,
  selection: Selection,
  alias: string,
  page: string,
): Members {
  const related = selection.relations.map((each) => joinedRelation(c, resource, each, alias, page))
  return {
    pairs: [...ownPairs(c, resource, selection, alias), ...related.map(({ pair }) => pair)],
    joins: related.map(({ join }) => join),
  }
}

function ownPairs(c: Compilation, resource: Resource, selection: Selection, alias: string): readonly Pair[] {
  const columns = selection.columns.map((name): Pair => {
    const column = columnNamed(resource, name)
    return [name, c.dialect.json(column, at(alias, name))]
  })
  const lists = selection.permissions.map(
    (field): Pair => [
      field,
      c.dialect.nested(listField(c.model, resource, field, alias, c.binder, c.dialect.name)),
    ],
  )
  return [...columns, ...lists]
}

const isMany = ({ kind }: Relation): boolean => kind === 'many' || kind === 'through'

function subquery(
  c: Compilation,
  holder: Resource,
  relation: Relation,
  selection: Selection,
  from: string,
): string {
  const rows = relatedRows(c, holder, relation, from)
  const pairs = correlated(c, rows.target, selection, rows.alias)
  const body = `FROM ${rows.source}${where([...rows.conditions, ...rows.hoisted])}`
  return isMany(relation)
    ? `(${c.dialect.selectArray(pairs, body, rows.order, bareRows(rows, selection))})`
    : `(${c.dialect.selectObjects(pairs, body)})`
}

/** The columns that objects of nothing else are made of. */
function bareRows({ target, alias }: RelatedRows, selection: Selection): BareRows | null {
  if (selection.relations.length > 0 || selection.permissions.length > 0) return null
  const stored = selection.columns.filter((name) => !columnNamed(target, name).virtual)
  return stored.length === 0 ? null : { alias, columns: stored }
}

interface JoinedRelation {
  readonly pair: Pair
  readonly join: string
}

function joinedRelation(
  c: Compilation,
  resource: Resource,
  { relation: name, selection }: RelatedSelection,
  alias: string,
  page: string,
): JoinedRelation {
  const relation = relationNamed(resource, name)
  const rows = relatedRows(c, resource, relation, alias)
  const pairs = correlated(c, rows.target, selection, rows.alias)
  return isMany(relation) ? aggregated(c, name, rows, pairs, alias, page) : joinedOne(c, name, rows, pairs)
}

function joinedOne(c: Compilation, name: string, rows: RelatedRows, pairs: readonly Pair[]): JoinedRelation {
  const key = rows.target.primaryKey[0]?.name ?? 'id'
  return {
    pair: [name, `CASE WHEN ${at(rows.alias, key)} IS NOT NULL THEN ${c.dialect.object(pairs)} END`],
    join: `LEFT JOIN ${rows.source} ON ${[...rows.conditions, ...rows.hoisted].join(' AND ')}`,
  }
}

/**
 * The children of all rows of the page in one pass. They are found by `= ANY(ARRAY(…))`, which goes by the index of the
 * foreign key whatever the planner thinks of the page's size; of a composite key the join sorts out the rest.
 */
function aggregated(
  c: Compilation,
  name: string,
  rows: RelatedRows,
  pairs: readonly Pair[],
  alias: string,
  page: string,
): JoinedRelation {
  const groups = c.alias()
  const conditions = [
    ...rows.ties.map(({ related, own }) => `${related} = ANY(ARRAY(SELECT ${at(page, own)} FROM ${page}))`),
    ...rows.readable,
  ]
  const grouped = groupedChildren(c, rows, pairs, `FROM ${rows.source}${where(conditions)}`)
  const array = `COALESCE(${groups}.j, '[]')`
  const on = rows.ties.map(({ own }, index) => `${groups}.k${index} = ${at(alias, own)}`)
  return {
    pair: [
      name,
      rows.hoisted.length === 0
        ? array
        : `CASE WHEN ${rows.hoisted.join(' AND ')} THEN ${array} ELSE '[]' END`,
    ],
    join: `LEFT JOIN (${grouped}) AS ${groups} ON ${on.join(' AND ')}`,
  }
}

/** The children of each parent as one array `j`, with the parent's key as `k0`, `k1`… */
function groupedChildren(c: Compilation, rows: RelatedRows, pairs: readonly Pair[], from: string): string {
  const ties = rows.ties.map(({ related }) => related)
  const order = rows.target.primaryKey.map(({ name }) => at(rows.alias, name))
  const shown = new Map(pairs.map(([key, sql]) => [sql, key]))
  if (![...ties, ...order].every((sql) => shown.has(sql))) {
    const keys = ties.map((sql, index) => `${sql} AS k${index}`)
    const array = c.dialect.array(pairs, keyOrder(c, rows.target, rows.alias))
    return `SELECT ${keys.join(', ')}, ${array} AS j ${from} GROUP BY ${ties.join(', ')}`
  }
  // Everything that groups and orders is shown as it is: the rows themselves can be aggregated.
  const groups = ties.map((sql) => at(WHOLE, shown.get(sql) ?? ''))
  const keys = groups.map((sql, index) => `${sql} AS k${index}`)
  return (
    `SELECT ${keys.join(', ')}, json_agg(${WHOLE} ORDER BY ${keyOrder(c, rows.target, WHOLE)}) AS j` +
    ` FROM (${c.dialect.select(pairs, from)}) ${WHOLE} GROUP BY ${groups.join(', ')}`
  )
}
