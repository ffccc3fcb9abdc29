/** Conditions of a filter as SQL. Related rows are told by EXISTS, so conditions on one relation hold for one row. */
import type { Resource } from '../../model/model.js'
import type { Condition, Filter } from '../../plan/plan.js'
import { type Compilation, relatedRows, relationNamed, type SelectPlan, where } from './compilation.js'
import { conditionSql, type FindFilter, type Scope } from './conditions.js'
import { extremeSql } from './extremes.js'

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
    const rows = relatedRows(c, resource, relationNamed(resource, relation), alias)
    const conditions = filterSql(
      c,
      rows.target,
      rows.alias,
      inner,
      (plan) => find(plan).relations[index]?.filter as Filter,
      () => [],
    )
    return `EXISTS (SELECT 1 FROM ${rows.source}${where([...rows.conditions, ...rows.hoisted, ...conditions])})`
  })
  return [...own, ...related]
}
