/** Filter parameters → `Filter`: conditions on own columns and, by relation, on related rows. */

import type { Limits } from '../../config/definition.js'
import { closest } from '../../config/suggest.js'
import type { Column, Resource } from '../../model/model.js'
import type { Condition, Filter, Pattern, Scalar } from '../plan.js'
import { type Asker, isStored, isToOne, relationOf, unknown, walk } from './fields.js'
import { filterHint, operatorHint } from './foreign.js'
import { bad, type QueryProblems } from './problems.js'
import type { Parameter } from './query-string.js'
import { alternatives, FILTERABLE, singleValue, typedValue } from './values.js'

type Comparison = 'lt' | 'le' | 'gt' | 'ge' | 'ne'

/** What each operator needs of its column, whether it takes a value, and whether it works on own columns only. */
interface Operator {
  readonly value: boolean
  readonly own: boolean
  readonly fits: (column: Column) => boolean
  readonly kinds: string
  readonly condition: (column: Column, argument: string) => Condition
}

const compare = (operator: Comparison): Operator => ({
  value: true,
  own: false,
  fits: ({ type }) => (operator === 'ne' ? FILTERABLE[type].equals : FILTERABLE[type].order),
  kinds: operator === 'ne' ? 'columns that are not json' : 'numbers, dates and datetimes',
  condition: (column, argument) => ({
    kind: 'compare',
    column: column.name,
    operator,
    value: singleValue(column, argument),
  }),
})

const isNull = (not: boolean): Operator => ({
  value: false,
  own: false,
  fits: () => true,
  kinds: 'columns',
  condition: (column) => ({ kind: 'null', column: column.name, not }),
})

const extreme = (of: 'min' | 'max', among: boolean): Operator => ({
  value: false,
  own: true,
  fits: ({ type }) => FILTERABLE[type].extremes,
  kinds: 'numbers, dates, datetimes and text',
  condition: ({ name }) =>
    among
      ? { kind: 'extreme_among', column: name, function: of, by: [] }
      : { kind: 'extreme', column: name, function: of },
})

const extremeVersion = (of: 'min' | 'max'): Operator => ({
  value: false,
  own: true,
  fits: ({ role }) => role === 'version',
  kinds: 'the `version` of a versioned resource',
  condition: () => ({ kind: 'extreme_version', function: of }),
})

export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['lt', compare('lt')],
  ['le', compare('le')],
  ['gt', compare('gt')],
  ['ge', compare('ge')],
  ['ne', compare('ne')],
  ['null', isNull(false)],
  ['not_null', isNull(true)],
  ['min', extreme('min', false)],
  ['max', extreme('max', false)],
  ['min_a', extreme('min', true)],
  ['max_a', extreme('max', true)],
  ['min_v', extremeVersion('min')],
  ['max_v', extremeVersion('max')],
])

/** A filter under construction: conditions on one relation gather at one place, values of one column too. */
interface Draft {
  readonly conditions: Condition[]
  readonly equals: Map<string, { values: Scalar[]; patterns: Pattern[] }>
  readonly relations: Map<string, Draft>
}

const draft = (): Draft => ({ conditions: [], equals: new Map(), relations: new Map() })

export const NO_FILTER: Filter = Object.freeze({
  conditions: Object.freeze([]),
  relations: Object.freeze([]),
})

export function parseFilter(
  asker: Asker,
  resource: Resource,
  parameters: readonly Parameter[],
  limits: Limits,
  problems: QueryProblems,
): Filter {
  if (parameters.length === 0) return NO_FILTER
  const root = draft()
  let wildcards = 0
  for (const parameter of parameters) {
    problems.attempt(
      parameter.sent,
      () => {
        wildcards += read(asker, resource, root, parameter, limits)
        if (wildcards > limits.wildcards) throw bad(`a query has at most ${limits.wildcards} wildcards`)
      },
      () => filterHint(parameter, isField(asker, resource, parameter.path)),
    )
  }
  return finished(root, parameters, problems, true)
}

/** Whether a path ends at a column that may be filtered by. */
function isField(asker: Asker, resource: Resource, path: string): boolean {
  try {
    const { holder, last } = walk(asker, resource, path)
    const column = holder.columns.get(last)
    return column !== undefined && isStored(column)
  } catch {
    return false
  }
}

/** Adds one parameter to the draft; returns how many wildcards it has. */
function read(asker: Asker, resource: Resource, root: Draft, parameter: Parameter, limits: Limits): number {
  const { hops, holder, last } = walkTo(asker, resource, parameter)
  const place = hops.reduce((at, { name }) => {
    const next = at.relations.get(name) ?? draft()
    at.relations.set(name, next)
    return next
  }, root)
  const column = holder.columns.get(last)
  if (column === undefined || !isStored(column)) {
    place.conditions.push(relationCondition(asker, holder, last, parameter))
    return 0
  }
  if (parameter.operator === null) return equals(place, column, parameter.argument, limits)
  place.conditions.push(operation(column, parameter, hops.length === 0))
  return 0
}

/** Like `walk`, with a hint for `size.lt=2`. */
function walkTo(asker: Asker, resource: Resource, parameter: Parameter) {
  if (parameter.operator === null) {
    const dot = parameter.path.lastIndexOf('.')
    const operator = parameter.path.slice(dot + 1)
    const before = parameter.path.slice(0, dot)
    if (dot > 0 && OPERATORS.has(operator)) {
      const { holder, last } = walk(asker, resource, before)
      const column = holder.columns.get(last)
      if (column !== undefined && isStored(column)) {
        const value = OPERATORS.get(operator)?.value === true ? parameter.argument : ''
        throw bad('an operator takes its value in parentheses', `write \`${before}.${operator}(${value})\``)
      }
    }
  }
  return walk(asker, resource, parameter.path)
}

function equals(place: Draft, column: Column, text: string, limits: Limits): number {
  const { equals: comparable, wildcards } = FILTERABLE[column.type]
  if (!comparable) throw bad(`\`${column.name}\` is ${column.type}`, 'use `null()` or `not_null()`')
  const known = place.equals.get(column.name) ?? { values: [], patterns: [] }
  let stars = 0
  for (const pieces of alternatives(text)) {
    stars += pieces.length - 1
    if (pieces.length === 1) known.values.push(typedValue(column, pieces[0] ?? ''))
    else if (wildcards) known.patterns.push(Object.freeze({ pieces: Object.freeze(pieces) }))
    else throw bad(`\`${column.name}\` is ${column.type}: only text takes wildcards`)
  }
  if (known.values.length + known.patterns.length > limits.values) {
    throw bad(`a term has at most ${limits.values} values`)
  }
  place.equals.set(column.name, known)
  return stars
}

function operation(column: Column, parameter: Parameter, own: boolean): Condition {
  const name = parameter.operator ?? ''
  const operator = OPERATORS.get(name)
  if (operator === undefined) {
    const guess = closest(name, OPERATORS.keys())
    throw bad(
      `there is no operator \`${name}\``,
      operatorHint(parameter) ??
        (guess === null ? `operators are ${[...OPERATORS.keys()].join(', ')}` : `did you mean \`${guess}\`?`),
    )
  }
  if (operator.own && !own) throw bad(`\`${name}()\` works on the resource's own columns only`)
  if (!operator.fits(column)) {
    throw bad(`\`${column.name}\` is ${column.type}`, `\`${name}\` works on ${operator.kinds}`)
  }
  if (!operator.value && parameter.argument !== '') throw bad(`\`${name}()\` takes no value`)
  return Object.freeze(operator.condition(column, parameter.argument))
}

/** `project.null()`; everything else that ends at a relation needs one of its fields. */
function relationCondition(asker: Asker, holder: Resource, name: string, parameter: Parameter): Condition {
  const step = relationOf(asker, holder, name)
  if (step === null) throw unknown(asker, holder, name)
  const { relation, target } = step
  const { operator } = parameter
  if (operator !== 'null' && operator !== 'not_null') {
    const key = target.primaryKey[0]?.name ?? 'id'
    throw bad(`\`${name}\` is a relation`, `filter by one of its fields, for instance \`${name}.${key}\``)
  }
  if (!isToOne(relation)) throw bad(`\`${name}\` is a collection, which is never null`)
  if (parameter.argument !== '') throw bad(`\`${operator}()\` takes no value`)
  return Object.freeze({ kind: 'relation_null', relation: name, not: operator === 'not_null' })
}

function finished(
  place: Draft,
  parameters: readonly Parameter[],
  problems: QueryProblems,
  root: boolean,
): Filter {
  const equal = [...place.equals].map(
    ([column, { values, patterns }]): Condition =>
      Object.freeze({
        kind: 'equals',
        column,
        values: Object.freeze([...new Set(values)]),
        patterns: Object.freeze(patterns),
      }),
  )
  const gathered = [...equal, ...place.conditions]
  const conditions = root ? gathered.map((each) => among(each, gathered, parameters, problems)) : gathered
  const relations = [...place.relations].map(([relation, inner]) =>
    Object.freeze({ relation, filter: finished(inner, parameters, problems, false) }),
  )
  return Object.freeze({ conditions: Object.freeze(conditions), relations: Object.freeze(relations) })
}

const FILTERS_BY = new Set<Condition['kind']>(['equals', 'compare', 'null'])

/** Tells a `max_a` which other own columns are filtered on; without any it means nothing. */
function among(
  condition: Condition,
  all: readonly Condition[],
  parameters: readonly Parameter[],
  problems: QueryProblems,
): Condition {
  if (condition.kind !== 'extreme_among') return condition
  const columns = all.flatMap((other) =>
    FILTERS_BY.has(other.kind) && 'column' in other && other.column !== condition.column
      ? [other.column]
      : [],
  )
  if (columns.length === 0) {
    const operator = `${condition.function}_a`
    const sent = parameters.find((each) => each.operator === operator && each.path === condition.column)
    problems.add(
      sent?.sent ?? operator,
      `\`${operator}()\` needs a filter on another column; use \`${condition.function}()\` for all rows`,
    )
  }
  return Object.freeze({ ...condition, by: Object.freeze([...new Set(columns)]) })
}
