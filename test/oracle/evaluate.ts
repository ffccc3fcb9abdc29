/** What a query must answer, worked out row by row from the specification, with no thought of speed. */
import type { Caller } from '../../src/identity.js'
import type { Alternative, Query, SortTerm, Term, Test } from './query.js'
import { compare } from './values.js'
import type { List, OracleRelation, OracleResource, Row, Rule, Verb, World } from './world.js'

export interface Expected {
  readonly rows: readonly unknown[]
  readonly total: number
  readonly more: boolean
}

export class Oracle {
  readonly #world: World
  readonly #caller: Caller

  /** `caller` undefined: nothing is enforced. */
  constructor(world: World, caller: Caller | undefined) {
    this.#world = world
    this.#caller = caller === undefined ? { username: 'all', groups: [], admin: true } : caller
  }

  resource(name: string): OracleResource {
    const resource = this.#world.resources.get(name)
    if (resource === undefined) throw new Error(`no resource ${name}`)
    return resource
  }

  readable(resource: OracleResource, row: Row): boolean {
    return this.#allowed(resource, row, 'read')
  }

  /** Every rule that reaches the row passes: its list is absent or empty, or names a group of the caller or one above. */
  #allowed(resource: OracleResource, row: Row, verb: Verb): boolean {
    if (this.#caller?.admin === true) return true
    const groups = this.#caller?.groups ?? []
    return this.#world.rules.every((rule) => {
      if (rule.target !== resource.name || !rule.verbs.includes(verb)) return true
      const carrier = this.resource(rule.carrier)
      const holder =
        rule.pairs.length === 0
          ? row
          : carrier.rows.find((each) => rule.pairs.every(([own, key]) => row[own] === each[key]))
      const list = this.#listOf(rule, holder, verb)
      if (list === undefined || list.paths.length === 0) return true
      return list.paths.some((path) =>
        groups.some((group) => group === path || group.startsWith(`${path}__`)),
      )
    })
  }

  #listOf(rule: Rule, carrier: Row | undefined, verb: Verb): List | undefined {
    return this.#world.lists.find(
      (each) => each.rule === rule && each.carrier === carrier && each.verb === verb,
    )
  }

  /** A single read: the default shape, and the lists for those who may update the row. */
  single(resource: OracleResource, row: Row): unknown {
    const rules = this.#allowed(resource, row, 'write') ? this.#world.rules : []
    const lists = rules
      .filter(({ carrier }) => carrier === resource.name)
      .map((rule) => {
        const shown = rule.verbs.map((verb) => {
          const list = this.#listOf(rule, row, verb)
          const groups = list?.paths.map((path) => ({ path }))
          return [verb, list === undefined ? null : { id: list.id, groups }]
        })
        return [`perm_${rule.key}`, Object.fromEntries(shown)]
      })
    return { ...(this.shape(resource, row, null) as object), ...Object.fromEntries(lists) }
  }

  related(row: Row, relation: OracleRelation): readonly Row[] {
    const target = this.resource(relation.target)
    const rows =
      relation.through === null
        ? target.rows.filter((other) =>
            relation.pairs?.every(([own, key]) => row[own] !== null && row[own] === other[key]),
          )
        : this.#linked(relation, row)
    return this.#sorted(
      target,
      rows.filter((other) => this.readable(target, other)),
      [],
    )
  }

  #linked(relation: OracleRelation, row: Row): readonly Row[] {
    const association = this.#world.associations.find(({ table }) => table === relation.through?.table)
    const links = association?.links ?? []
    return relation.through?.side === 'left'
      ? links.filter(({ left }) => left === row).map(({ right }) => right)
      : links.filter(({ right }) => right === row).map(({ left }) => left)
  }

  relation(resource: OracleResource, name: string): OracleRelation {
    const relation = resource.relations.find((each) => each.name === name)
    if (relation === undefined) throw new Error(`no relation ${resource.name}.${name}`)
    return relation
  }

  /** `among`: the rows of the collection that is listed; null: all. */
  list(resource: OracleResource, query: Query, among: readonly Row[] | null, pageSize: number): Expected {
    const readable = (among ?? resource.rows).filter((row) => this.readable(resource, row))
    const matching = readable.filter((row) => this.#matches(resource, row, query.terms, readable))
    const sorted = this.#sorted(resource, matching, query.sort)
    const start = query.start ?? 0
    const end = query.end ?? start + pageSize
    return {
      rows: sorted.slice(start, end).map((row) => this.shape(resource, row, query.fields)),
      total: sorted.length,
      more: sorted.length > end,
    }
  }

  /** Terms with one first relation hold for the same related row. */
  #matches(resource: OracleResource, row: Row, terms: readonly Term[], universe: readonly Row[]): boolean {
    const own = terms.filter(({ path }) => path.length === 0).map(({ test }) => test)
    if (!this.#ownMatch(resource, row, own, universe)) return false
    const names = new Set(terms.flatMap(({ path }) => path.slice(0, 1)))
    return [...names].every((name) => {
      const relation = this.relation(resource, name)
      const inner = terms
        .filter(({ path }) => path[0] === name)
        .map(({ path, test }) => ({ path: path.slice(1), test }))
      return this.related(row, relation).some((other) =>
        this.#matches(this.resource(relation.target), other, inner, []),
      )
    })
  }

  #ownMatch(resource: OracleResource, row: Row, tests: readonly Test[], universe: readonly Row[]): boolean {
    const columns = new Set(tests.flatMap((test) => (test.kind === 'equals' ? [test.column] : [])))
    const equal = [...columns].every((column) =>
      tests
        .flatMap((test) => (test.kind === 'equals' && test.column === column ? test.alternatives : []))
        .some((alternative) => fits(row[column], alternative)),
    )
    return (
      equal &&
      tests.every((test) => test.kind === 'equals' || this.#test(resource, row, test, tests, universe))
    )
  }

  #test(
    resource: OracleResource,
    row: Row,
    test: Test,
    all: readonly Test[],
    universe: readonly Row[],
  ): boolean {
    switch (test.kind) {
      case 'equals':
        return true
      case 'compare':
        return compares(typeOf(resource, test.column), row[test.column], test.operator, test.value)
      case 'null':
        return (row[test.column] === null) !== test.not
      case 'relation':
        return (this.related(row, this.relation(resource, test.relation)).length === 0) !== test.not
      case 'version':
        return !resource.rows
          .filter((other) => other['id'] === row['id'] && this.readable(resource, other))
          .some((other) => beyond(test.function, other['version'], row['version']))
      case 'extreme':
        return this.#isExtreme(resource, row, test, all, universe)
    }
  }

  #isExtreme(
    resource: OracleResource,
    row: Row,
    test: Extract<Test, { kind: 'extreme' }>,
    all: readonly Test[],
    universe: readonly Row[],
  ): boolean {
    const { column } = test
    if (row[column] === null) return false
    const others = all.filter(
      (each) =>
        (each.kind === 'equals' || each.kind === 'compare' || each.kind === 'null') && each.column !== column,
    )
    const by = new Set(others.flatMap((each) => ('column' in each ? [each.column] : [])))
    const rows = test.among
      ? universe.filter(
          (other) =>
            this.#ownMatch(resource, other, others, universe) &&
            [...by].every((name) => same(resource, name, other[name], row[name])),
        )
      : universe
    const type = typeOf(resource, column)
    return !rows.some((other) => {
      const value = other[column]
      if (value === null || value === undefined) return false
      const difference = compare(type, value, row[column])
      return test.function === 'max' ? difference > 0 : difference < 0
    })
  }

  #sorted(resource: OracleResource, rows: readonly Row[], sort: readonly SortTerm[]): readonly Row[] {
    const terms = [
      ...sort,
      ...resource.key.map((column): SortTerm => ({ path: [], column, descending: false })),
    ]
    return [...rows].sort((a, b) => {
      for (const term of terms) {
        const order = this.#order(resource, a, b, term)
        if (order !== 0) return order
      }
      return 0
    })
  }

  #order(resource: OracleResource, a: Row, b: Row, { path, column, descending }: SortTerm): number {
    const [left, right] = [this.#valueAt(resource, a, path, column), this.#valueAt(resource, b, path, column)]
    if (left === null || right === null) {
      // Last ascending, first descending.
      const order = (left === null ? 1 : 0) - (right === null ? 1 : 0)
      return descending ? -order : order
    }
    const holder = path.reduce((at, name) => this.resource(this.relation(at, name).target), resource)
    const order = compare(typeOf(holder, column), left, right)
    return descending ? -order : order
  }

  #valueAt(resource: OracleResource, row: Row, path: readonly string[], column: string): unknown {
    const [name, ...rest] = path
    if (name === undefined) return row[column] ?? null
    const relation = this.relation(resource, name)
    const [target] = this.related(row, relation)
    return target === undefined ? null : this.#valueAt(this.resource(relation.target), target, rest, column)
  }

  /** `fields` null: own columns and embedded relations one level deep. */
  shape(resource: OracleResource, row: Row, fields: readonly (readonly string[])[] | null): unknown {
    const shown: Record<string, unknown> = {}
    const whole = fields === null || fields.some((path) => path.length === 0)
    for (const { name } of resource.columns) {
      if (whole || fields.some(([first]) => first === name)) shown[name] = row[name] ?? null
    }
    for (const relation of resource.relations) {
      const inner =
        fields === null
          ? relation.embed
            ? [[]]
            : []
          : fields.filter(([first]) => first === relation.name).map((path) => path.slice(1))
      if (inner.length === 0) continue
      const target = this.resource(relation.target)
      const rows = this.related(row, relation).map((other) => this.shape(target, other, inner))
      shown[relation.name] = relation.many ? rows : (rows[0] ?? null)
    }
    return shown
  }
}

function typeOf(resource: OracleResource, column: string) {
  const found = resource.columns.find(({ name }) => name === column)
  if (found === undefined) throw new Error(`no column ${resource.name}.${column}`)
  return found.type
}

const same = (resource: OracleResource, column: string, a: unknown, b: unknown): boolean =>
  a === null || b === null ? a === b : compare(typeOf(resource, column), a, b) === 0

function beyond(extreme: 'min' | 'max', other: unknown, own: unknown): boolean {
  return extreme === 'max' ? Number(other) > Number(own) : Number(other) < Number(own)
}

/** Null never matches. Wildcards ignore case as Unicode regular expressions do. */
function fits(value: unknown, alternative: Alternative): boolean {
  if (value === null || value === undefined) return false
  if ('literal' in alternative) return value === alternative.literal
  const source = alternative.pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('.*')
  return new RegExp(`^${source}$`, 'isu').test(String(value))
}

function compares(
  type: Parameters<typeof compare>[0],
  value: unknown,
  operator: 'lt' | 'le' | 'gt' | 'ge' | 'ne',
  bound: unknown,
): boolean {
  if (value === null || value === undefined) return false
  const difference = compare(type, value, bound)
  switch (operator) {
    case 'lt':
      return difference < 0
    case 'le':
      return difference <= 0
    case 'gt':
      return difference > 0
    case 'ge':
      return difference >= 0
    case 'ne':
      return difference !== 0
  }
}
