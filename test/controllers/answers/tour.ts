/**
 * Calls every operation on rows that a server has, the way it is meant and in the ways that are refused. The answers are
 * for the contract to judge; here only their status matters.
 */
import type { Test } from 'tap'
import type { Action, Route } from '../../../src/controllers/route.js'
import { formatKey } from '../../../src/model/format-key.js'
import type { Relation, Resource } from '../../../src/model/model.js'
import type { Client, ClientResponse } from '../../../src/runtime/client.js'
import type { Runtime } from '../../../src/runtime.js'

type Body = Record<string, unknown>

/** What the tour must know of a world to make rows in it. */
export interface World {
  readonly runtime: Runtime
  /** All held against the document. */
  readonly admin: Client
  readonly outsider: Client
  /** Nobody: headers say who asks. */
  readonly anonymous: Client
  /** Headers of a token that is bad. */
  readonly badToken: Readonly<Record<string, string>>
  /** A new row, with whatever it needs nested in it; `n` makes it differ from all others. */
  readonly fresh: Readonly<Record<string, (n: number) => Body>>
  /** Of a resource: what an update changes. */
  readonly change: Readonly<Record<string, (n: number) => Body>>
  /** Of `Resource.relation`: a row of a collection where `fresh` does not do; `parent` is the key in the path. */
  readonly member?: Readonly<Record<string, (n: number, parent: string) => Body>>
  /** Of a resource: what a release needs. */
  readonly release?: Readonly<Record<string, Body>>
  /** More than a body may have, in bytes. */
  readonly tooLarge: number
}

/** Every operation on rows. */
export async function tour(t: Test, world: World): Promise<void> {
  const walker = new Walker(t, world)
  for (const route of world.runtime.routes) await walker.walk(route)
}

type Kind = Exclude<Action['kind'], 'root' | 'plugin'>

class Walker {
  readonly #t: Test
  readonly #world: World
  #made = 0

  constructor(t: Test, world: World) {
    this.#t = t
    this.#world = world
  }

  async walk(route: Route): Promise<void> {
    const { action } = route
    if (route.hidden || action.kind === 'root' || action.kind === 'plugin') return
    const resource = this.#world.runtime.model.resource(action.resource)
    const relation = 'relation' in action ? resource.relations.get(action.relation) : undefined
    await this.#ways[action.kind](route, resource, relation as Relation)
    await this.#refusals(route, resource)
  }

  readonly #ways: Readonly<
    Record<Kind, (route: Route, resource: Resource, relation: Relation) => Promise<unknown>>
  > = {
    schema: async ({ template }) => await this.#get(200, template),
    list: async ({ template }, resource) => {
      await this.#list(template, resource)
    },
    create: async ({ template }, resource) => {
      const { admin } = this.#world
      const one = await this.#made201(resource)
      this.#t.match(one.headers['location'], new RegExp(`${template}/`), 'a single object has an address')
      const many = [this.#fresh(resource), this.#fresh(resource)]
      this.#is(201, await admin.post(template, many), `POST ${template} []`)
    },
    read: async (_, resource) => {
      const path = await this.#row(resource)
      await this.#get(200, path)
      await this.#get(200, `${path}?fields=${fieldsOf(this.#world.runtime, resource)}`)
      await this.#world.admin.request({ method: 'HEAD', path })
    },
    update: async ({ method }, resource) => {
      const path = await this.#row(resource)
      const body = this.#world.change[resource.name]?.(this.#made)
      this.#is(200, await this.#world.admin.request({ method, path, body }), `${method} ${path}`)
    },
    delete: async (_, resource) => {
      const path = await this.#row(resource)
      this.#is(204, await this.#world.admin.delete(path), `DELETE ${path}`)
    },
    access: async (_, resource) => await this.#get(200, `${await this.#row(resource)}/access`),
    release: async (_, resource) => {
      const path = await this.#row(resource)
      const body = this.#world.release?.[resource.name]
      const made = await this.#world.admin.post(`${path}/release`, body)
      this.#is(201, made, `POST ${path}/release`)
      this.#t.ok(made.headers['location'], 'a release has an address')
    },
    related: async (_, resource, relation) => {
      const path = await this.#row(resource)
      const answer = await this.#world.admin.get(`${path}/${relation.name}`)
      this.#is(answer.status === 404 ? 404 : 200, answer, `GET ${path}/${relation.name}`)
    },
    collection_list: async (_, resource, relation) => {
      const { path } = await this.#filled(resource, relation)
      await this.#list(path, this.#world.runtime.model.resource(relation.target))
    },
    collection_add: async (_, resource, relation) => {
      const { path, parent } = await this.#filled(resource, relation)
      const members = [1, 2].map(() => this.#member(resource, relation, parent))
      this.#is(201, await this.#world.admin.post(path, members), `POST ${path} []`)
    },
    collection_replace: async (_, resource, relation) => {
      const { path, parent } = await this.#filled(resource, relation)
      const members = [this.#member(resource, relation, parent)]
      this.#is(200, await this.#world.admin.put(path, members), `PUT ${path}`)
      this.#is(200, await this.#world.admin.put(path, []), `PUT ${path} []`)
    },
    collection_remove: async (_, resource, relation) => {
      const { path, member } = await this.#filled(resource, relation)
      this.#is(204, await this.#world.admin.delete(`${path}/${member}`), `DELETE ${path}/${member}`)
    },
  }

  /** What any client may do wrong; the row of the path is not there. */
  async #refusals(route: Route, resource: Resource): Promise<void> {
    const { admin, outsider, anonymous, badToken, tooLarge } = this.#world
    const { method } = route
    const { path, keyed, invalid } = this.#absent(route, resource)
    if (method === 'GET') {
      if (keyed) this.#is(404, await admin.get(path), path)
      await admin.get(`${path}?nonsense=1`)
      await admin.get(path, { accept: 'text/html' })
    } else if (method === 'DELETE') {
      this.#is(404, await admin.delete(path), path)
    } else {
      const json = { 'content-type': 'application/json' }
      const send = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
        admin.request({ method, path, body, headers })
      this.#is(415, await send('<a/>', { 'content-type': 'text/xml' }), `${method} ${path} as XML`)
      this.#is(415, await send('{}', { ...json, 'content-encoding': 'gzip' }), `${method} ${path} as gzip`)
      this.#is(413, await send(`"${'x'.repeat(tooLarge)}"`, json), `${method} ${path} too large`)
      this.#is(400, await send('{', json), `${method} ${path} broken`)
      await send({ nonsense: 1 })
      await send([])
      await send([{ nonsense: 1 }])
    }
    for (const caller of [outsider, anonymous]) {
      await caller.request({ method, path, ...(WRITES.has(method) ? { body: {} } : {}) })
    }
    this.#is(
      401,
      await anonymous.request({ method, path, headers: badToken }),
      `${method} ${path}, bad token`,
    )
    if (keyed) await admin.request({ method, path: invalid })
  }

  /** The path of the route for a row that is not there, and one that names no row. */
  #absent({ template, action }: Route, resource: Resource) {
    const relation = 'relation' in action ? resource.relations.get(action.relation) : undefined
    const child = relation === undefined ? resource : this.#world.runtime.model.resource(relation.target)
    const fill = (of: (named: Resource) => string): string =>
      template.replace('{id}', of(resource)).replace('{child}', of(child))
    return { path: fill(absentKey), keyed: template.includes('{'), invalid: fill(() => '%00') }
  }

  async #list(path: string, resource: Resource): Promise<void> {
    const { admin } = this.#world
    const counted = await this.#get(200, `${path}?count=true`)
    this.#t.match(counted.headers['x-total-count'], /^\d+$/)
    await this.#get(200, `${path}?start=1&end=2&sort=-${resource.primaryKey[0]?.name}`)
    await this.#get(200, `${path}?fields=${fieldsOf(this.#world.runtime, resource)}`)
    await admin.request({ method: 'HEAD', path })
  }

  async #get(status: number, path: string): Promise<ClientResponse> {
    return this.#is(status, await this.#world.admin.get(path), `GET ${path}`)
  }

  #fresh(resource: Resource): Body {
    const make = this.#world.fresh[resource.name]
    if (make === undefined) throw new Error(`the world says nothing of ${resource.name}`)
    this.#made += 1
    return make(this.#made)
  }

  #member(resource: Resource, relation: Relation, parent: string): Body {
    const make = this.#world.member?.[`${resource.name}.${relation.name}`]
    if (make !== undefined) {
      this.#made += 1
      return make(this.#made, parent)
    }
    const body = this.#fresh(this.#world.runtime.model.resource(relation.target))
    if ('via' in relation) delete body[relation.via]
    return body
  }

  async #made201(resource: Resource): Promise<ClientResponse> {
    return this.#is(
      201,
      await this.#world.admin.post(`/${resource.path}`, this.#fresh(resource)),
      resource.path,
    )
  }

  /** Path of a new row. */
  async #row(resource: Resource): Promise<string> {
    return String((await this.#made201(resource)).headers['location'])
  }

  /** A new row's collection with a member. */
  async #filled(resource: Resource, relation: Relation) {
    const row = await this.#row(resource)
    const parent = decodeURIComponent(row.slice(row.lastIndexOf('/') + 1))
    const path = `${row}/${relation.name}`
    const added = await this.#world.admin.post(path, this.#member(resource, relation, parent))
    this.#is(201, added, `POST ${path}`)
    const target = this.#world.runtime.model.resource(relation.target)
    return { path, parent, member: encodeURIComponent(formatKey(target, added.body)) }
  }

  /** Silent when all is well: a tour makes some thousand calls. */
  #is(status: number, answer: ClientResponse, what: string): ClientResponse {
    if (answer.status === status) return answer
    this.#t.comment(answer.body)
    this.#t.equal(answer.status, status, what)
    return answer
  }
}

const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const ABSENT: Readonly<Partial<Record<string, string>>> = {
  uuid: '00000000-0000-4000-8000-000000000000',
  boolean: 'true',
  date: '1900-01-01',
  datetime: '1900-01-01T00:00:00.000Z',
  string: 'absent',
  text: 'absent',
}

/** A key of the resource's form that no row has. */
const absentKey = (resource: Resource): string =>
  resource.primaryKey
    .map(({ type, role }) => (role === 'version' ? '1' : (ABSENT[type] ?? '987654')))
    .join('_')

/** Everything one level deep. */
function fieldsOf({ model }: Runtime, resource: Resource): string {
  const shown = (named: Resource): string[] => [
    ...[...named.columns.values()]
      .filter((column) => !column.hidden && (!column.virtual || column.readonly))
      .map(({ name }) => name),
    ...new Set(named.permissions.map(({ field }) => field)),
  ]
  const nested = [...resource.relations.values()].flatMap(({ name, target }) => {
    const first = model.resource(target).primaryKey.map((column) => `${name}.${column.name}`)
    return first
  })
  return [...shown(resource), ...nested].join(',')
}
