/**
 * `min max min_a max_a min_v max_v`: always over rows that the caller may read. The row itself is compared with the
 * extreme, so rows that share it are all found; null is no extreme.
 */
import type { Resource } from '../../model/model.js'
import type { Condition, Filter } from '../../plan/plan.js'
import { at, type Compilation, columnNamed, table, where } from './compilation.js'
import { conditionSql, type FindFilter, type Scope } from './conditions.js'

type Extreme = Extract<Condition, { kind: 'extreme' | 'extreme_among' | 'extreme_version' }>

interface Surroundings {
  readonly filter: Filter
  readonly find: FindFilter
  readonly scope: Scope
}

export function extremeSql(
  c: Compilation,
  resource: Resource,
  alias: string,
  condition: Extreme,
  surroundings: Surroundings,
): string {
  switch (condition.kind) {
    case 'extreme':
      return absolute(c, resource, alias, condition, surroundings.scope)
    case 'extreme_among':
      return among(c, resource, alias, condition, surroundings)
    case 'extreme_version':
      return version(c, resource, alias, condition.function)
  }
}

function absolute(
  c: Compilation,
  resource: Resource,
  alias: string,
  condition: Extract<Condition, { kind: 'extreme' }>,
  scope: Scope,
): string {
  const other = c.alias()
  const comparable = (of: string) =>
    c.dialect.comparable(columnNamed(resource, condition.column), at(of, condition.column))
  const conditions = [...scope(other), ...c.readable(resource, other)]
  return (
    `${comparable(alias)} = (SELECT ${condition.function}(${comparable(other)})` +
    ` FROM ${table(resource, other)}${where(conditions)})`
  )
}

/** The filters on the other columns come first; what they leave is grouped by those columns. */
function among(
  c: Compilation,
  resource: Resource,
  alias: string,
  condition: Extract<Condition, { kind: 'extreme_among' }>,
  { filter, find, scope }: Surroundings,
): string {
  const other = c.alias()
  const before = filter.conditions.flatMap((each, index) =>
    'column' in each && condition.by.includes(each.column) && isOnRow(each)
      ? [conditionSql(c, resource, other, each, (plan) => find(plan).conditions[index] as Condition)]
      : [],
  )
  const constant = new Set(
    filter.conditions.flatMap((each) => (each.kind === 'null' && !each.not ? [each.column] : [])),
  )
  const by = condition.by.filter((column) => !constant.has(column))
  const comparable = (of: string, name: string) =>
    c.dialect.comparable(columnNamed(resource, name), at(of, name))
  const conditions = [...before, ...scope(other), ...c.readable(resource, other)]
  const extreme = `${condition.function}(${comparable(other, condition.column)})`
  const from = ` FROM ${table(resource, other)}${where(conditions)}`
  if (by.length === 0) return `${comparable(alias, condition.column)} = (SELECT ${extreme}${from})`
  const groups = by.map((name) => comparable(other, name))
  const own = [...by, condition.column].map((name) => comparable(alias, name))
  return `(${own.join(', ')}) IN (SELECT ${groups.join(', ')}, ${extreme}${from} GROUP BY ${groups.join(', ')})`
}

const isOnRow = ({ kind }: Condition): boolean => kind === 'equals' || kind === 'compare' || kind === 'null'

/** No readable version of the same entity is newer (older). */
function version(c: Compilation, resource: Resource, alias: string, extreme: 'min' | 'max'): string {
  const other = c.alias()
  const last = resource.primaryKey.at(-1)?.name ?? 'version'
  const same = resource.entityKey.map(({ name }) => `${at(other, name)} = ${at(alias, name)}`)
  const beyond = `${at(other, last)} ${extreme === 'max' ? '>' : '<'} ${at(alias, last)}`
  const conditions = [...same, beyond, ...c.readable(resource, other)]
  return `NOT EXISTS (SELECT 1 FROM ${table(resource, other)}${where(conditions)})`
}
