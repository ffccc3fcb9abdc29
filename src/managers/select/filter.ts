/** Conditions of a filter as SQL. Related rows are told by EXISTS, so conditions on one relation hold for one row. */
import type { Column, Resource } from '../../model/model.js'
import type { Condition, Filter } from '../../plan/plan.js'
import { at, type Compilation, relatedRows, relationNamed, type SelectPlan, where } from './compilation.js'
import { extremeSql } from './extremes.js'

/** Finds a filter of the shape that was compiled in another plan. */
export type FindFilter = (plan: SelectPlan) => Filter

/** Rows that extremes are taken over: those of the collection that is listed, or all. */
export type Scope = (alias: string) => readonly string[]

export function rootFilter(plan: SelectPlan): Filter {
  if (plan.kind !== 'list') throw new TypeError('only lists are filtered')
  return plan.filter
}

export function filterSql(
  c: Compilation,
  resource: Resource,
  alias: string,
  filter: Filter,
  find: FindFilter,
  scope: Scope,
): readonly string[] {
  const own = filter.conditions.map((condition, index) =>
    'by' in condition || condition.kind === 'extreme' || condition.kind === 'extreme_version'
      ? extremeSql(c, resource, alias, condition, { filter, find, scope })
      : conditionSql(c, resource, alias, condition, (plan) => find(plan).conditions[index] as Condition),
  )
  const related = filter.relations.map(({ relation, filter: inner }, index) => {
    const rows = relatedRows(c, relationNamed(resource, relation), alias)
    const conditions = filterSql(
      c,
      rows.target,
      rows.alias,
      inner,
      (plan) => find(plan).relations[index]?.filter as Filter,
      () => [],
    )
    return `EXISTS (SELECT 1 FROM ${rows.source}${where([...rows.conditions, ...conditions])})`
  })
  return [...own, ...related]
}

export function columnNamed(resource: Resource, name: string): Column {
  const column = resource.columns.get(name)
  if (column === undefined) throw new TypeError(`${resource.name} has no column ${name}`)
  return column
}

const COMPARISONS = { lt: '<', le: '<=', gt: '>', ge: '>=', ne: '<>' } as const

/** Conditions on one row alone. */
export function conditionSql(
  c: Compilation,
  resource: Resource,
  alias: string,
  condition: Condition,
  find: (plan: SelectPlan) => Condition,
): string {
  switch (condition.kind) {
    case 'equals':
      return equalsSql(c, at(alias, condition.column), condition, find)
    case 'compare': {
      const column = columnNamed(resource, condition.column)
      const value = c.parameters.bind((plan) => {
        const found = find(plan)
        return found.kind === 'compare' ? found.value : null
      })
      const side = (sql: string) => (condition.operator === 'ne' ? sql : c.dialect.comparable(column, sql))
      return `${side(at(alias, condition.column))} ${COMPARISONS[condition.operator]} ${side(value)}`
    }
    case 'null':
      return `${at(alias, condition.column)} IS ${condition.not ? 'NOT ' : ''}NULL`
    case 'relation_null': {
      const rows = relatedRows(c, relationNamed(resource, condition.relation), alias)
      return `${condition.not ? '' : 'NOT '}EXISTS (SELECT 1 FROM ${rows.source}${where(rows.conditions)})`
    }
    default:
      throw new TypeError(`${condition.kind} is no condition on one row`)
  }
}

function equalsSql(
  c: Compilation,
  sql: string,
  condition: Extract<Condition, { kind: 'equals' }>,
  find: (plan: SelectPlan) => Condition,
): string {
  const equals = (plan: SelectPlan) => find(plan) as Extract<Condition, { kind: 'equals' }>
  const alternatives: string[] = []
  if (condition.values.length === 1) {
    alternatives.push(`${sql} = ${c.parameters.bind((plan) => equals(plan).values[0])}`)
  } else if (condition.values.length > 1) {
    const values = c.parameters.bind((plan) => c.dialect.many(equals(plan).values))
    alternatives.push(c.dialect.anyOf(sql, values))
  }
  condition.patterns.forEach((_, index) => {
    const pattern = c.parameters.bind((plan) => {
      const found = equals(plan).patterns[index]
      return found === undefined ? null : c.dialect.pattern(found)
    })
    alternatives.push(c.dialect.matches(sql, pattern))
  })
  return alternatives.length === 1 ? (alternatives[0] as string) : `(${alternatives.join(' OR ')})`
}
