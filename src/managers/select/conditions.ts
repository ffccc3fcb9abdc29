/** Conditions on the columns of one row as SQL. */
import type { Resource } from '../../model/model.js'
import type { Condition, Filter } from '../../plan/plan.js'
import {
  at,
  type Compilation,
  columnNamed,
  relatedRows,
  relationNamed,
  type SelectPlan,
  where,
} from './compilation.js'

/** Finds a filter of the shape that was compiled in another plan. */
export type FindFilter = (plan: SelectPlan) => Filter

/** Rows that extremes are taken over: those of the collection that is listed, or all. */
export type Scope = (alias: string) => readonly string[]

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
      const rows = relatedRows(c, resource, relationNamed(resource, condition.relation), alias)
      return `${condition.not ? '' : 'NOT '}EXISTS (SELECT 1 FROM ${rows.source}${where([...rows.conditions, ...rows.hoisted])})`
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
