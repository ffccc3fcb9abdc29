/** The rows of a page: which, in what order, from where to where. Formatting them is left to what reads the page. */
import type { Relation, Resource } from '../../model/model.js'
import type { ListPlan, Sort } from '../../plan/plan.js'
import {
  at,
  type Compilation,
  columnNamed,
  relatedRows,
  relationNamed,
  type SelectPlan,
  table,
  where,
} from './compilation.js'
import type { Scope } from './conditions.js'
import { quote } from './dialect.js'
import { filterSql, rootFilter } from './filter.js'

/** One term of an ORDER BY: what the page calls it, and how it is found where the page is made. */
interface Term {
  readonly name: string
  readonly source: string
  readonly own: boolean
  /** Its comparable form and direction, given the SQL of the value. */
  readonly order: (sql: string) => string
}

export interface PageSource {
  readonly text: string
  /** ORDER BY terms over the page's rows. */
  order(alias: string): string
}

/** The page as a SELECT of the columns that its readers need. One row more is taken, to know whether there is a next. */
export function pageSource(c: Compilation, plan: ListPlan, columns: readonly string[]): PageSource {
  const resource = c.model.resource(plan.resource)
  const alias = c.alias()
  const joins = new Joins(c, resource, alias)
  const terms = sortTerms(c, resource, alias, plan.sort, joins)
  const conditions = rowConditions(c, plan, resource, alias)
  const selected = [...new Set([...columns, ...terms.filter(({ own }) => own).map(({ name }) => name)])].map(
    (name) => at(alias, name),
  )
  const foreign = terms.filter(({ own }) => !own).map(({ name, source }) => `${source} AS ${quote(name)}`)
  const orderBy = terms.map((term) => term.order(term.source)).join(', ')
  const text =
    `SELECT ${[...selected, ...foreign].join(', ')} FROM ${table(resource, alias)}${joins.text}` +
    `${where(conditions)} ORDER BY ${orderBy} LIMIT ${plan.end - plan.start + 1}${offset(c, plan)}`
  return {
    text,
    order: (page) => terms.map((term) => term.order(at(page, term.name))).join(', '),
  }
}

/** The first page has no OFFSET; limits are part of the text, so that the planner knows them. */
export function offset(c: Compilation, plan: ListPlan): string {
  if (plan.start === 0) return ''
  return ` OFFSET ${c.parameters.bind((other) => (other.kind === 'list' ? other.start : 0))}`
}

/** All rows that a list matches, whatever the page. */
export function countSql(c: Compilation, plan: ListPlan): string {
  const resource = c.model.resource(plan.resource)
  const alias = c.alias()
  return `(SELECT count(*) FROM ${table(resource, alias)}${where(rowConditions(c, plan, resource, alias))})`
}

/** Filter, collection and access. */
export function rowConditions(
  c: Compilation,
  plan: ListPlan,
  resource: Resource,
  alias: string,
): readonly string[] {
  const scope = collectionScope(c, plan)
  return [
    ...scope(alias),
    ...filterSql(c, resource, alias, plan.filter, rootFilter, scope),
    ...c.readable(resource, alias),
  ]
}

/** On a collection route: the rows that belong to the parent. */
function collectionScope(c: Compilation, plan: ListPlan): Scope {
  if (plan.parent === null) return () => []
  const relation = relationNamed(c.model.resource(plan.parent.resource), plan.parent.relation)
  return (alias) => belonging(c, relation, alias)
}

function belonging(c: Compilation, relation: Relation, alias: string): readonly string[] {
  if (relation.kind === 'through') {
    const link = c.alias()
    const conditions = [
      ...relation.own.map((pair) => `${at(link, pair.column)} = ${parentKey(c, pair.references)}`),
      ...relation.other.map((pair) => `${at(link, pair.column)} = ${at(alias, pair.references)}`),
    ]
    return [`EXISTS (SELECT 1 FROM ${quote(relation.table)} AS ${link}${where(conditions)})`]
  }
  return relation.columns.map(
    ({ column, references }) => `${at(alias, column)} = ${parentKey(c, references)}`,
  )
}

export function parentKey(c: Compilation, column: string): string {
  return c.parameters.shared(`parent.${column}`, (plan: SelectPlan) =>
    plan.kind === 'list' ? plan.parent?.key[column] : null,
  )
}

/** LEFT JOINs along to-one relations, each path once; a row that may not be read counts as none. */
class Joins {
  readonly #c: Compilation
  readonly #resource: Resource
  readonly #alias: string
  readonly #known = new Map<string, { readonly resource: Resource; readonly alias: string }>()
  text = ''

  constructor(c: Compilation, resource: Resource, alias: string) {
    this.#c = c
    this.#resource = resource
    this.#alias = alias
  }

  along(path: readonly string[]): { readonly resource: Resource; readonly alias: string } {
    const name = path.at(-1)
    if (name === undefined) return { resource: this.#resource, alias: this.#alias }
    const key = path.join('.')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const from = this.along(path.slice(0, -1))
    const rows = relatedRows(this.#c, from.resource, relationNamed(from.resource, name), from.alias)
    this.text += ` LEFT JOIN ${rows.source} ON ${[...rows.conditions, ...rows.hoisted].join(' AND ')}`
    const joined = { resource: rows.target, alias: rows.alias }
    this.#known.set(key, joined)
    return joined
  }
}

function sortTerms(
  c: Compilation,
  resource: Resource,
  alias: string,
  sort: readonly Sort[],
  joins: Joins,
): readonly Term[] {
  const terms = sort.map(({ path, column: name, descending }, index): Term => {
    const holder = joins.along(path)
    const column = columnNamed(holder.resource, name)
    const nullable = path.length > 0 || !column.required
    const suffix = `${descending ? ' DESC' : ''}${nullable ? c.dialect.nulls(descending) : ''}`
    return {
      name: path.length === 0 ? name : `sort ${index}`,
      source: at(holder.alias, name),
      own: path.length === 0,
      order: (sql) => `${c.dialect.comparable(column, sql)}${suffix}`,
    }
  })
  const sorted = new Set(sort.filter(({ path }) => path.length === 0).map(({ column }) => column))
  const ties = resource.primaryKey
    .filter(({ name }) => !sorted.has(name))
    .map(
      (column): Term => ({
        name: column.name,
        source: at(alias, column.name),
        own: true,
        order: (sql) => c.dialect.comparable(column, sql),
      }),
    )
  return [...terms, ...ties]
}
