/**
 * What of a plan decides the text of its statement. Plans of one shape share one text and differ in values only. The
 * selection is not part of it: statements are kept by selection (statement.ts).
 */
import type { Condition, Filter, Sort } from '../../plan/plan.js'
import type { SelectPlan } from './compilation.js'

const SEPARATOR = '\u0003'

export function shapeOf(plan: SelectPlan, keys: boolean): string {
  const base = `${plan.kind[0] ?? ''}${plan.access.kind[0] ?? ''}${keys ? 'k' : ''}${plan.resource}`
  switch (plan.kind) {
    case 'read':
      return base
    case 'back':
      return plan.keys.length === 1 ? base : `${base}${SEPARATOR}n`
    case 'related':
      return `${base}${SEPARATOR}${plan.relation}`
    case 'list': {
      const parent = plan.parent === null ? '' : `${plan.parent.resource}.${plan.parent.relation}`
      const page = `${plan.end - plan.start}${plan.start === 0 ? '' : 'o'}${plan.count ? 'c' : ''}`
      return [base, parent, page, sortShape(plan.sort), filterShape(plan.filter)].join(SEPARATOR)
    }
  }
}

function sortShape(sort: readonly Sort[]): string {
  if (sort.length === 0) return ''
  return sort
    .map(({ path, column, descending }) => `${descending ? '-' : '+'}${[...path, column].join('.')}`)
    .join(',')
}

function filterShape(filter: Filter): string {
  if (filter.conditions.length === 0 && filter.relations.length === 0) return ''
  const own = filter.conditions.map(conditionShape)
  const related = filter.relations.map(({ relation, filter: inner }) => `${relation}(${filterShape(inner)})`)
  return [...own, ...related].join('&')
}

function conditionShape(condition: Condition): string {
  switch (condition.kind) {
    case 'equals':
      return `${condition.column}=${Math.min(condition.values.length, 2)}*${condition.patterns.length}`
    case 'compare':
      return `${condition.column}.${condition.operator}`
    case 'null':
      return `${condition.column}.${condition.not ? 'not_null' : 'null'}`
    case 'relation_null':
      return `${condition.relation}.${condition.not ? 'not_empty' : 'empty'}`
    case 'extreme':
      return `${condition.column}.${condition.function}`
    case 'extreme_among':
      return `${condition.column}.${condition.function}_a:${condition.by.join(',')}`
    case 'extreme_version':
      return `.${condition.function}_v`
  }
}
