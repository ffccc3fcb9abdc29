/**
 * `ctx.service('Group')`: reads and writes of a resource through its whole operation, for hooks, jobs, routes and
 * plugins. As the caller of the scope, or past the access rules as the system; inside a postfix it takes part in the
 * transaction (core.ts `Joined`).
 */
import { BiodmError } from '../errors.js'
import type { BaseContext, Key, Row, Service, ServiceOptions } from '../hooks.js'
import { SYSTEM } from '../identity.js'
import type { Resource } from '../model/model.js'
import { canonical } from '../model/values.js'
import { type Answer, type Core, derivedRequest, type RequestContext, type ServiceScope } from './core.js'
import { createRows } from './create.js'
import { deleteRow } from './delete.js'
import { READ_ONLY } from './hooks/enqueue.js'
import { listRows } from './list.js'
import { readRow } from './read.js'
import { releaseRow } from './release.js'

export function serviceFactory(core: Core, scope: ServiceScope): BaseContext['service'] {
  return (name, options = {}) => {
    const resource = core.model.resources.get(name)
    if (resource === undefined) {
      throw new Error(
        `there is no resource "${name}" (known: ${[...core.model.resources.keys()].join(', ')})`,
      )
    }
    return createService(core, asCaller(standing(scope.request), options), resource)
  }
}

/** What an effect does after its transaction is done in transactions of its own. */
function standing(request: RequestContext): RequestContext {
  return request.joined?.effects.phase === 'after' ? derivedRequest(request, { joined: null }) : request
}

function asCaller(request: RequestContext, { identity }: ServiceOptions): RequestContext {
  if (identity === undefined) return request
  return derivedRequest(request, { caller: identity === 'system' ? SYSTEM : identity })
}

function createService(core: Core, request: RequestContext, resource: Resource): Service {
  const keyOf = (key: unknown): Key => serviceKey(resource, key)
  const writing = (): void => {
    if (request.joined?.readonly === true) throw new Error(`${resource.name} cannot be written: ${READ_ONLY}`)
  }
  return Object.freeze({
    async read(key: unknown, options: { fields?: string } = {}) {
      const query = options.fields === undefined ? '' : `fields=${encodeURIComponent(options.fields)}`
      try {
        return parsed<Row>(await readRow(core, request, resource, keyOf(key), query))
      } catch (error) {
        if (error instanceof BiodmError && error.code === 'not_found') return null
        throw error
      }
    },
    list: async (query = '') => parsed<Row[]>(await listRows(core, request, resource, query)),
    async write(data: Row | Row[]) {
      writing()
      const written = parsed<Row | Row[]>(await createRows(core, request, resource, data))
      return Array.isArray(written) ? written : [written]
    },
    async delete(key: unknown) {
      writing()
      await deleteRow(core, request, resource, keyOf(key))
    },
    async release(key: unknown, data?: Row) {
      writing()
      return parsed<Row>(await releaseRow(core, request, resource, keyOf(key), data))
    },
  })
}

/** A single value for a single key column; for a composite key an object, or the values in declaration order. */
function serviceKey(resource: Resource, given: unknown): Key {
  const columns = resource.primaryKey
  const values = Array.isArray(given) || (typeof given === 'object' && given !== null) ? given : [given]
  const entries = columns.map((column, index) => {
    const value = Array.isArray(values) ? values[index] : (values as Row)[column.name]
    if (value === undefined || value === null) {
      throw new TypeError(`a key of ${resource.name} needs ${columns.map(({ name }) => name).join(', ')}`)
    }
    return [column.name, canonical(column, value)] as const
  })
  return Object.fromEntries(entries)
}

function parsed<T>({ body }: Answer): T {
  return (typeof body === 'string' ? JSON.parse(body) : body) as T
}
