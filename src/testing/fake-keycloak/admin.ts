/** The admin interface of the fake realm: a table of routes, each with the rights that open it. */
import { type Body, type Group, type Realm, Refusal, sorted, type User } from './realm.js'

export interface AdminRequest {
  readonly method: string
  /** Percent-decoded segments after `/admin/realms/{realm}`. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly body: Body
  readonly caller: User
  /** Address of the realm in the admin interface, for `Location`. */
  readonly base: string
}

export interface AdminAnswer {
  readonly status: number
  readonly body?: unknown
  readonly location?: string
}

type Handler = (realm: Realm, request: AdminRequest, ids: readonly string[]) => AdminAnswer
type Right = 'read' | 'manage' | 'list-users' | 'realm'

/** `*` stands for one segment, `**` for all that follow. */
const ROUTES: readonly (readonly [method: string, path: string, right: Right, handler: Handler])[] = [
  ['GET', 'users', 'list-users', listUsers],
  [
    'POST',
    'users',
    'manage',
    (realm, request) => created(request, 'users', realm.createUser(request.body).id),
  ],
  ['GET', 'users/count', 'read', (realm) => ok(realm.users.size)],
  ['GET', 'groups/count', 'read', (realm) => ok({ count: realm.groups.size })],
  ['GET', 'users/*', 'read', (realm, _, [id]) => ok(userBody(user(realm, id)))],
  ['PUT', 'users/*', 'manage', (realm, { body }, [id]) => done(realm.updateUser(user(realm, id), body))],
  ['DELETE', 'users/*', 'manage', (realm, _, [id]) => done(realm.users.delete(user(realm, id).id))],
  [
    'PUT',
    'users/*/reset-password',
    'manage',
    (realm, { body }, [id]) => done(realm.resetPassword(user(realm, id), body['value'])),
  ],
  [
    'GET',
    'users/*/groups',
    'read',
    (realm, { query }, [id]) => {
      const groups = [...user(realm, id).groups].map((groupId) => group(realm, groupId))
      return ok(page(sorted(groups, 'name'), query, null).map((one) => groupBody(realm, one)))
    },
  ],
  [
    'PUT',
    'users/*/groups/*',
    'manage',
    (realm, _, [id, groupId]) => done(user(realm, id).groups.add(group(realm, groupId).id)),
  ],
  [
    'DELETE',
    'users/*/groups/*',
    'manage',
    (realm, _, [id, groupId]) => done(user(realm, id).groups.delete(group(realm, groupId).id)),
  ],
  ['GET', 'groups', 'read', listGroups],
  [
    'POST',
    'groups',
    'manage',
    (realm, request) => created(request, 'groups', realm.createGroup(request.body, null).id),
  ],
  ['GET', 'groups/*', 'read', (realm, _, [id]) => ok(groupBody(realm, group(realm, id)))],
  ['PUT', 'groups/*', 'manage', (realm, { body }, [id]) => done(realm.renameGroup(group(realm, id), body))],
  ['DELETE', 'groups/*', 'manage', (realm, _, [id]) => done(realm.deleteGroup(group(realm, id)))],
  [
    'GET',
    'groups/*/children',
    'read',
    (realm, { query }, [id]) =>
      ok(page(realm.children(group(realm, id).id), query, 10).map((one) => groupBody(realm, one))),
  ],
  [
    'POST',
    'groups/*/children',
    'manage',
    (realm, request, [id]) =>
      created(request, 'groups', realm.createGroup(request.body, group(realm, id).id).id),
  ],
  [
    'GET',
    'groups/*/members',
    'read',
    (realm, { query }, [id]) => ok(page(realm.members(group(realm, id).id), query, 100).map(userBody)),
  ],
  ['GET', 'group-by-path/**', 'read', groupByPath],
]

export function administer(realm: Realm, request: AdminRequest): AdminAnswer {
  for (const [method, path, right, handler] of ROUTES) {
    const ids = method === request.method ? match(path, request.segments) : null
    if (ids === null) continue
    if (!has(request.caller, right)) throw new Refusal(403, { error: 'HTTP 403 Forbidden' })
    return handler(realm, request, ids)
  }
  throw new Refusal(404, { error: 'HTTP 404 Not Found' })
}

const OPENED_BY: Readonly<Record<Right, readonly string[]>> = {
  read: ['manage-users', 'view-users', 'realm-admin'],
  'list-users': ['manage-users', 'view-users', 'query-users', 'realm-admin'],
  manage: ['manage-users', 'realm-admin'],
  realm: ['realm-admin'],
}

const has = (caller: User, right: Right): boolean =>
  OPENED_BY[right].some((role) => caller.roles.includes(role))

function match(pattern: string, segments: readonly string[]): string[] | null {
  const parts = pattern.split('/')
  if (parts.at(-1) === '**') {
    return segments[0] === parts[0] ? [segments.slice(1).join('/')] : null
  }
  if (parts.length !== segments.length) return null
  const ids: string[] = []
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? ''
    if (part === '*') ids.push(segment)
    else if (part !== segment) return null
  }
  return ids
}

/** Without a filter service accounts are left out; with too small a right the list is empty, not forbidden. */
function listUsers(realm: Realm, { query, caller }: AdminRequest): AdminAnswer {
  if (!has(caller, 'read')) return ok([])
  const username = query.get('username')?.toLowerCase()
  const search = query.get('search')?.toLowerCase()
  const exact = query.get('exact') === 'true'
  const users = [...realm.users.values()].filter((one) => {
    if (username) return exact ? one.username === username : one.username.includes(username)
    if (search) return one.username.includes(search) || one.email.includes(search)
    return one.serviceAccountClientId === null
  })
  return ok(page(sorted(users, 'username'), query, 100).map(userBody))
}

function listGroups(realm: Realm, { query }: AdminRequest): AdminAnswer {
  const search = query.get('search')
  const found =
    search === null
      ? realm.children(null)
      : [...realm.groups.values()].filter(({ name }) =>
          query.get('exact') === 'true' ? name === search : name.toLowerCase().includes(search.toLowerCase()),
        )
  return ok(page(sorted(found, 'name'), query, null).map((one) => groupBody(realm, one)))
}

function groupByPath(realm: Realm, _: AdminRequest, [path = '']: readonly string[]): AdminAnswer {
  const found = realm.groupAt(path)
  if (found === undefined) throw new Refusal(404, { error: 'Group path does not exist' })
  return ok(groupBody(realm, found))
}

function user(realm: Realm, id: string | undefined): User {
  const found = realm.users.get(id ?? '')
  if (found === undefined) throw new Refusal(404, { error: 'User not found' })
  return found
}

function group(realm: Realm, id: string | undefined): Group {
  const found = realm.groups.get(id ?? '')
  if (found === undefined) throw new Refusal(404, { error: 'Could not find group by id' })
  return found
}

/** `max` −1 or missing: the list's own default; null is all. */
function page<T>(items: readonly T[], query: URLSearchParams, usual: number | null): readonly T[] {
  const first = Number(query.get('first') ?? 0)
  const asked = query.get('max') === null ? usual : Number(query.get('max'))
  return asked === null || asked < 0 ? items.slice(first) : items.slice(first, first + asked)
}

function userBody(one: User): Body {
  const { id, username, enabled, email, firstName, lastName, serviceAccountClientId } = one
  return {
    id,
    username,
    enabled,
    ...(email === '' ? {} : { email }),
    ...(firstName === '' ? {} : { firstName }),
    ...(lastName === '' ? {} : { lastName }),
    ...(serviceAccountClientId === null ? {} : { serviceAccountClientId }),
  }
}

function groupBody(realm: Realm, one: Group): Body {
  const parent = one.parentId === null ? {} : { parentId: one.parentId }
  return {
    id: one.id,
    name: one.name,
    path: realm.path(one),
    ...parent,
    subGroupCount: realm.children(one.id).length,
    subGroups: [],
  }
}

const ok = (body: unknown): AdminAnswer => ({ status: 200, body })
const done = (_: unknown): AdminAnswer => ({ status: 204 })
const created = ({ base }: AdminRequest, kind: string, id: string): AdminAnswer => ({
  status: 201,
  location: `${base}/${kind}/${id}`,
})
