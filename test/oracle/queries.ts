/** Random queries that fit a world. */
import fc from 'fast-check'
import type { ColumnType } from '../../src/config/definition.js'
import type { Alternative, Query, SortTerm, Term, Test } from './query.js'
import { POOLS, type Value } from './values.js'
import type { OracleColumn, OracleResource, World } from './world.js'

const ORDERED: ReadonlySet<ColumnType> = new Set([
  'serial',
  'integer',
  'bigint',
  'number',
  'decimal',
  'date',
  'datetime',
])
const TEXT: ReadonlySet<ColumnType> = new Set(['string', 'text'])

interface Place {
  readonly path: readonly string[]
  readonly resource: OracleResource
  readonly toOne: boolean
}

/** Every resource that a path of at most `depth` relations leads to. */
function places(world: World, resource: OracleResource, depth: number): readonly Place[] {
  const found: Place[] = [{ path: [], resource, toOne: true }]
  for (let index = 0; index < found.length; index++) {
    const place = found[index]
    if (place === undefined || place.path.length >= depth) continue
    for (const relation of place.resource.relations) {
      const target = world.resources.get(relation.target)
      if (target === undefined) continue
      found.push({
        path: [...place.path, relation.name],
        resource: target,
        toOne: place.toOne && !relation.many,
      })
    }
  }
  return found
}

const valuesOf = ({ type }: OracleColumn): readonly Value[] =>
  type === 'serial' ? [1, 2, 3, 5, 99] : POOLS[type]

function patterns(column: OracleColumn): fc.Arbitrary<Alternative> {
  const texts = valuesOf(column).map(String)
  return fc
    .record({ text: fc.constantFrom(...texts), cut: fc.nat(3), swap: fc.boolean(), tail: fc.boolean() })
    .map(({ text, cut, swap, tail }) => {
      const points = [...(swap ? text.toUpperCase() : text)]
      const head = points.slice(0, cut).join('')
      const rest = points.slice(cut + 1).join('')
      return { pieces: tail ? [head, ''] : [head, rest] }
    })
}

function testOf(column: OracleColumn, own: boolean): fc.Arbitrary<Test> {
  const { name, type } = column
  const tests: fc.Arbitrary<Test>[] = [fc.boolean().map((not): Test => ({ kind: 'null', column: name, not }))]
  if (type !== 'json') {
    const value = fc.constantFrom(...valuesOf(column))
    const literal = value.map((each): Alternative => ({ literal: each }))
    const alternative = TEXT.has(type) ? fc.oneof(literal, patterns(column)) : literal
    tests.push(
      fc
        .array(alternative, { minLength: 1, maxLength: 2 })
        .map((alternatives): Test => ({ kind: 'equals', column: name, alternatives })),
    )
    const operators = ORDERED.has(type) ? (['lt', 'le', 'gt', 'ge', 'ne'] as const) : (['ne'] as const)
    tests.push(
      fc
        .record({ operator: fc.constantFrom(...operators), value })
        .map((each): Test => ({ kind: 'compare', column: name, ...each })),
    )
  }
  if (own && (ORDERED.has(type) || TEXT.has(type))) {
    tests.push(
      fc
        .record({ function: fc.constantFrom('min' as const, 'max' as const), among: fc.boolean() })
        .map((each): Test => ({ kind: 'extreme', column: name, ...each })),
    )
  }
  if (own && name === 'version') {
    tests.push(
      fc
        .constantFrom('min' as const, 'max' as const)
        .map((each): Test => ({ kind: 'version', function: each })),
    )
  }
  return fc.oneof(...tests)
}

function terms(world: World, resource: OracleResource): fc.Arbitrary<Term> {
  const all = places(world, resource, 3)
  const own = all.slice(0, 1)
  return fc
    .oneof(
      { weight: 2, arbitrary: fc.constantFrom(...own) },
      { weight: 3, arbitrary: fc.constantFrom(...all) },
    )
    .chain(({ path, resource: holder }) => {
      const columns = fc.constantFrom(...holder.columns)
      const tests: fc.Arbitrary<Test> = columns.chain((column) => testOf(column, path.length === 0))
      const toOne = holder.relations.filter(({ many }) => !many).map(({ name }) => name)
      const test =
        toOne.length === 0
          ? tests
          : fc.oneof(
              { weight: 5, arbitrary: tests },
              {
                weight: 1,
                arbitrary: fc
                  .record({ relation: fc.constantFrom(...toOne), not: fc.boolean() })
                  .map((each): Test => ({ kind: 'relation', ...each })),
              },
            )
      return test.map((each): Term => ({ path, test: each }))
    })
}

function sorts(world: World, resource: OracleResource): fc.Arbitrary<SortTerm> {
  const reachable = places(world, resource, 2).filter(({ toOne }) => toOne)
  return fc
    .record({ place: fc.constantFrom(...reachable), descending: fc.boolean(), at: fc.nat() })
    .map(({ place, descending, at }) => {
      const columns = place.resource.columns.filter(({ type }) => type !== 'json')
      const column = columns[at % columns.length]?.name ?? 'id'
      return { path: place.path, column, descending }
    })
}

function fields(world: World, resource: OracleResource): fc.Arbitrary<readonly (readonly string[])[]> {
  const paths = places(world, resource, 3).flatMap(({ path, resource: holder }) => [
    ...holder.columns.map(({ name }) => [...path, name]),
    ...(path.length > 0 ? [[...path]] : []),
  ])
  return fc.array(fc.constantFrom(...paths), { minLength: 1, maxLength: 4 })
}

/** `max_a` alone means nothing: it is left out unless another own column is filtered on. */
function sensible(query: Query): Query {
  const filtered = query.terms.filter(
    ({ path, test }) => path.length === 0 && ['equals', 'compare', 'null'].includes(test.kind),
  )
  const terms = query.terms.filter(({ test }) => {
    if (test.kind !== 'extreme' || !test.among) return true
    return filtered.some((other) => 'column' in other.test && other.test.column !== test.column)
  })
  const stars = terms.flatMap(({ test }) => (test.kind === 'equals' ? test.alternatives : []))
  const tooMany = stars.filter((each) => 'pieces' in each).length > 5
  const sorted = new Map(query.sort.toReversed().map((each) => [[...each.path, each.column].join('.'), each]))
  const end = query.end === null ? null : (query.start ?? 0) + query.end
  return { ...query, terms: tooMany ? terms.slice(0, 2) : terms, sort: [...sorted.values()].reverse(), end }
}

export function queries(world: World, resource: OracleResource): fc.Arbitrary<Query> {
  return fc
    .record({
      terms: fc.array(terms(world, resource), { maxLength: 3 }),
      sort: fc.array(sorts(world, resource), { maxLength: 2 }),
      fields: fc.option(fields(world, resource), { freq: 2 }),
      start: fc.option(fc.nat(4), { freq: 2 }),
      end: fc.option(fc.nat(6), { freq: 2 }),
      count: fc.boolean(),
    })
    .map(sensible)
}
