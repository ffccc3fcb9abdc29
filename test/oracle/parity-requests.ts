/** Random requests for a random configuration: trees that are mostly right, and queries of the whole grammar. */
import {
  ENUM,
  type ParityRelation,
  type ParityResource,
  type ParityWorld,
  POOLS,
  type Pool,
} from './parity-world.js'
import type { Random } from './random.js'

type Obj = Record<string, unknown>

export interface ParityRequest {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** Keys of stored rows, by resource. */
export type Known = ReadonlyMap<string, readonly Readonly<Obj>[]>

const WRONG = [null, 1, 'zzz', [], {}, true, 1.5, '', 1e300]
const OPERATORS = ['lt', 'le', 'gt', 'ge', 'ne']
const EXTREMES = ['min', 'max', 'min_a', 'max_a', 'min_v', 'max_v']

export class Requests {
  readonly #random: Random
  readonly #world: ParityWorld
  readonly #known: Known

  constructor(random: Random, world: ParityWorld, known: Known) {
    this.#random = random
    this.#world = world
    this.#known = known
  }

  next(writing: boolean): ParityRequest {
    const r = this.#random
    const resource = r.pick([...this.#world.resources.values()])
    const row = `${resource.path}/${this.#id(resource)}`
    const collections = [...resource.many]
    const choice = writing ? 0 : r.below(100)
    if (choice < 22)
      return { method: 'POST', path: resource.path, body: this.#some(() => this.#object(resource, 2)) }
    if (choice < 32)
      return { method: r.pick(['PUT', 'PATCH']), path: row, body: this.#object(resource, 2, false) }
    if (choice < 38) return { method: 'DELETE', path: row }
    if (choice < 46 && collections.length > 0) {
      const [name, { target }] = r.pick(collections)
      const child = this.#resource(target)
      if (r.chance(0.25)) return { method: 'DELETE', path: `${row}/${name}/${this.#id(child)}` }
      const body = Array.from({ length: r.below(3) }, () => this.#object(child, 1))
      return { method: r.pick(['POST', 'PUT']), path: `${row}/${name}`, body }
    }
    if (choice < 51 && resource.keys.length > 1) {
      return {
        method: 'POST',
        path: `${row}/release`,
        ...(r.chance(0.5) ? {} : { body: this.#object(resource, 1, false) }),
      }
    }
    return { method: 'GET', path: this.#reading(resource, row) }
  }

  #reading(resource: ParityResource, row: string): string {
    const r = this.#random
    const choice = r.below(10)
    if (choice < 2) return `${row}${r.chance(0.3) ? `?fields=${this.#field(resource, 3)[0]}` : ''}`
    const relations = [...resource.many, ...resource.one]
    if (choice < 5 && relations.length > 0) {
      const [name, { target }] = r.pick(relations)
      return `${row}/${name}${resource.many.has(name) ? this.#query(this.#resource(target)) : ''}`
    }
    return resource.path + this.#query(resource)
  }

  #resource(name: string): ParityResource {
    const found = this.#world.resources.get(name)
    if (found === undefined) throw new Error(`no resource ${name}`)
    return found
  }

  #some(make: () => Obj): unknown {
    return this.#random.chance(0.4) ? Array.from({ length: 1 + this.#random.below(3) }, make) : make()
  }

  #stored(resource: ParityResource): Readonly<Obj> | null {
    const keys = this.#known.get(resource.name) ?? []
    return keys.length === 0 ? null : this.#random.pick(keys)
  }

  #value(pool: Pool): unknown {
    if (this.#random.chance(0.004)) return this.#random.pick(WRONG)
    return this.#random.chance(0.05) ? null : this.#random.pick<unknown>(POOLS[pool])
  }

  #id(resource: ParityResource): string {
    const stored = this.#random.chance(0.75) ? this.#stored(resource) : null
    const parts = resource.keys.map(
      ([name, pool]) => stored?.[name] ?? this.#random.pick<unknown>(POOLS[pool]),
    )
    return encodeURIComponent(parts.join('_'))
  }

  #object(resource: ParityResource, depth: number, keyed = true): Obj {
    const r = this.#random
    const object: Obj = keyed ? this.#key(resource) : {}
    if (keyed && Object.keys(object).length === resource.keys.length && r.chance(0.25)) return object
    for (const [name, type] of resource.columns) {
      if (r.chance(0.7)) object[name] = this.#value(type as Pool)
    }
    for (const [name, relation] of resource.one) Object.assign(object, this.#toOne(name, relation, depth))
    for (const [name, { target }] of depth > 0 ? resource.many : []) {
      if (!r.chance(0.25)) continue
      object[name] = Array.from({ length: r.below(3) }, () => this.#object(this.#resource(target), depth - 1))
    }
    return object
  }

  /** As an object, as the columns of a foreign key, or not at all. */
  #toOne(name: string, { target, columns }: ParityRelation, depth: number): Obj {
    const r = this.#random
    if (depth > 0 && r.chance(0.3)) {
      return { [name]: r.chance(0.15) ? null : this.#object(this.#resource(target), depth - 1) }
    }
    if (r.chance(0.5)) return {}
    const stored = this.#stored(this.#resource(target)) ?? {}
    const given = columns.filter(() => r.chance(0.97))
    return Object.fromEntries(given.map(([column, references]) => [column, stored[references] ?? 1]))
  }

  #key(resource: ParityResource): Obj {
    const r = this.#random
    const stored = r.chance(0.4) ? this.#stored(resource) : null
    if (stored !== null) return { ...stored }
    const generated = resource.keys.some(([, pool]) => pool === 'id')
    if (r.chance(generated ? 0.6 : 0.05)) return {}
    return Object.fromEntries(resource.keys.map(([name, pool]) => [name, r.pick<unknown>(POOLS[pool])]))
  }

  /** A path to a column with the pool of its values. */
  #field(resource: ParityResource, depth: number): readonly [path: string, pool: Pool] {
    const r = this.#random
    const relations = [...resource.one, ...resource.many]
    if (depth > 0 && relations.length > 0 && r.chance(0.35)) {
      const [name, { target }] = r.pick(relations)
      const [path, pool] = this.#field(this.#resource(target), depth - 1)
      return [`${name}.${path}`, pool]
    }
    const columns: (readonly [string, Pool])[] = [
      ...resource.keys,
      ...([...resource.columns] as [string, Pool][]),
    ]
    return r.pick(columns)
  }

  #term(resource: ParityResource): string {
    const r = this.#random
    const [path, pool] = this.#field(resource, 2)
    const value = (): string =>
      encodeURIComponent(String(r.pick<unknown>(POOLS[pool])).replace(/[\\,*]/g, '\\$&'))
    switch (r.below(6)) {
      case 0:
        return `${path}=${value()},${value()}`
      case 1:
        return `${path}=${encodeURIComponent(r.pick([...POOLS.name, ...ENUM]).slice(0, 1))}*`
      case 2:
        return `${path}.${r.pick(OPERATORS)}(${value()})`
      case 3:
        return `${path}.${r.pick(['null', 'not_null'])}()`
      case 4:
        return `${path}.${r.pick(EXTREMES)}()`
      default:
        return `${path}=${value()}`
    }
  }

  #query(resource: ParityResource): string {
    const r = this.#random
    const list = (count: number, make: () => string): string => Array.from({ length: count }, make).join(',')
    const terms = Array.from({ length: r.below(4) }, () => this.#term(resource))
    if (r.chance(0.3)) terms.push(`fields=${list(1 + r.below(3), () => this.#field(resource, 3)[0])}`)
    if (r.chance(0.4))
      terms.push(
        `sort=${list(1 + r.below(2), () => (r.chance(0.5) ? '-' : '') + this.#field(resource, 1)[0])}`,
      )
    if (r.chance(0.3)) terms.push(`start=${r.below(3)}`)
    if (r.chance(0.3)) terms.push(`end=${r.below(6)}`)
    if (r.chance(0.3)) terms.push('count=true')
    return terms.length === 0 ? '' : `?${terms.join('&')}`
  }
}
