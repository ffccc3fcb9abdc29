/**
 * What Keycloak's answers must look like. A proxy's HTML page or an empty 200 comes back from the client library as a
 * string, so every answer is checked before it is believed.
 */

export interface RemoteUser {
  readonly id: string
  readonly username: string
  readonly email: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly serviceAccount: boolean
}

export interface RemoteGroup {
  readonly id: string
  readonly name: string
  /** Keycloak's own, with slashes. */
  readonly path: string
  readonly parentId: string | null
  /** Null when the answer does not say. */
  readonly subGroupCount: number | null
}

/** Thrown by the functions below: the answer cannot be what was asked for. */
export class NonsenseError extends Error {
  override readonly name = 'NonsenseError'
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** An id is put into admin URLs as it is: `..` would reach the realm itself. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value)

export function userOf(value: unknown): RemoteUser {
  const user = record(value, 'a user')
  const username = user['username']
  if (!isUuid(user['id']) || typeof username !== 'string' || username === '') throw nonsense('a user')
  return {
    id: user['id'],
    username,
    email: attribute(user['email']),
    firstName: attribute(user['firstName']),
    lastName: attribute(user['lastName']),
    serviceAccount:
      typeof user['serviceAccountClientId'] === 'string' || username.startsWith('service-account-'),
  }
}

export function groupOf(value: unknown): RemoteGroup {
  const group = record(value, 'a group')
  const { id, name, path, parentId, subGroupCount } = group
  if (!isUuid(id) || typeof name !== 'string' || typeof path !== 'string') throw nonsense('a group')
  return {
    id,
    name,
    path,
    parentId: isUuid(parentId) ? parentId : null,
    subGroupCount: typeof subGroupCount === 'number' ? subGroupCount : null,
  }
}

export function listOf<T>(item: (value: unknown) => T): (value: unknown) => T[] {
  return (value) => {
    if (!Array.isArray(value)) throw nonsense('a list')
    return value.map(item)
  }
}

/** The id of a create's `Location`. */
export function createdId(value: unknown): string {
  const { id } = record(value, 'a created id')
  if (!isUuid(id)) throw nonsense('a created id')
  return id
}

/** A number by itself (users) or as `count` (groups). */
export function countOf(value: unknown): number {
  const count = typeof value === 'number' ? value : record(value, 'a count')['count']
  if (typeof count !== 'number') throw nonsense('a count')
  return count
}

/** Answers without a body (204). */
export function nothing(value: unknown): void {
  if (value !== '' && value !== undefined && value !== null) throw nonsense('no body')
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw nonsense(what)
  return value as Record<string, unknown>
}

const nonsense = (what: string): NonsenseError => new NonsenseError(`expected ${what} from Keycloak`)

/** Keycloak leaves an empty attribute out or sends an empty string. */
const attribute = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
