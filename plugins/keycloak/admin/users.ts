import { BiodmError } from 'biodm'
import { type AdminCall, isUncertain, Refused } from './call.js'
import { absent, checked, PAGE } from './groups.js'
import { userRefusal } from './refusal.js'
import {
  countOf,
  createdId,
  groupOf,
  listOf,
  nothing,
  type RemoteGroup,
  type RemoteUser,
  userOf,
} from './shapes.js'

/** What may be written of a user; a null becomes Keycloak's empty string, an absent key is left alone. */
export interface UserFields {
  readonly email?: string | null
  readonly firstName?: string | null
  readonly lastName?: string | null
}
export const USER_FIELDS = ['email', 'firstName', 'lastName'] as const satisfies readonly (keyof UserFields)[]

/** Reads and writes of users and their memberships. User names are lower case. */
export interface UserAdmin {
  find(username: string): Promise<RemoteUser | null>
  /** A user made by somebody else in between is returned with `created: false`. */
  create(
    username: string,
    fields: UserFields,
    password: string | null,
  ): Promise<{ readonly user: RemoteUser; readonly created: boolean }>
  update(id: string, fields: UserFields): Promise<void>
  setPassword(id: string, password: string): Promise<void>
  remove(id: string): Promise<void>
  /** About how many users there are. */
  count(): Promise<number>
  /** A page of all users but service accounts. */
  page(first: number, max?: number): Promise<readonly RemoteUser[]>
  /** A page of a group's own members. */
  members(groupId: string, first: number, max?: number): Promise<readonly RemoteUser[]>
  /** All groups that the user is a direct member of. */
  groups(id: string): Promise<readonly RemoteGroup[]>
  join(id: string, groupId: string): Promise<void>
  leave(id: string, groupId: string): Promise<void>
}

export function userAdmin(call: AdminCall): UserAdmin {
  const { realm } = call

  const find: UserAdmin['find'] = async (username) => {
    if (username === '') return null // an empty name would list everybody
    const users = await call(
      'find user',
      (client) => client.users.find({ realm, username, exact: true, first: 0, max: 2 }),
      listOf(userOf),
    )
    return users.find((user) => user.username === username) ?? null
  }

  const isMember = async (id: string, groupId: string): Promise<boolean> =>
    (await groups(id)).some((group) => group.id === groupId)

  const groups: UserAdmin['groups'] = async (id) => {
    const found: RemoteGroup[] = []
    for (let first = 0, full = true; full; first += PAGE) {
      const page = await call(
        "list a user's groups",
        (client) =>
          client.users.listGroups({ realm, id: checked(id), first, max: PAGE, briefRepresentation: true }),
        listOf(groupOf),
      )
      found.push(...page)
      full = page.length === PAGE
    }
    return found
  }

  return {
    find,
    async create(username, fields, password) {
      try {
        const id = await call(
          'create user',
          (client) =>
            client.users.create({
              realm,
              username,
              enabled: true,
              ...sent(fields),
              ...(password === null ? {} : { credentials: [credential(password)] }),
            }),
          createdId,
        )
        return { user: { id, username, ...EMPTY, ...fields, serviceAccount: false }, created: true }
      } catch (error) {
        const taken = error instanceof Refused && error.status === 409
        const user = taken || isUncertain(error) ? await find(username) : null
        if (user !== null) return { user, created: false }
        throw userRefusal(error)
      }
    },
    async update(id, fields) {
      try {
        await call(
          'update user',
          (client) => client.users.update({ realm, id: checked(id) }, sent(fields)),
          nothing,
        )
      } catch (error) {
        throw userRefusal(error)
      }
    },
    async setPassword(id, password) {
      try {
        await call(
          'set password',
          (client) =>
            client.users.resetPassword({ realm, id: checked(id), credential: credential(password) }),
          nothing,
        )
      } catch (error) {
        throw userRefusal(error, 'password')
      }
    },
    async remove(id) {
      await absent(call('delete user', (client) => client.users.del({ realm, id: checked(id) }), nothing))
    },
    count: () => call('count users', (client) => client.users.count({ realm }), countOf),
    page(first, max = PAGE) {
      return call(
        'list users',
        (client) => client.users.find({ realm, first, max, briefRepresentation: true }),
        listOf(userOf),
      )
    },
    members(groupId, first, max = PAGE) {
      return call(
        'list members',
        (client) =>
          client.groups.listMembers({ realm, id: checked(groupId), first, max, briefRepresentation: true }),
        listOf(userOf),
      )
    },
    groups,
    join(id, groupId) {
      return settle(
        () =>
          call(
            'add member',
            (client) => client.users.addToGroup({ realm, id: checked(id), groupId: checked(groupId) }),
            nothing,
          ),
        () => isMember(id, groupId),
      )
    },
    async leave(id, groupId) {
      const leave = (): Promise<void> =>
        call(
          'remove member',
          (client) => client.users.delFromGroup({ realm, id: checked(id), groupId: checked(groupId) }),
          nothing,
        )
      await absent(settle(leave, async () => !(await isMember(id, groupId))))
    },
  }
}

/** Concurrent changes of memberships answer 409 now and then, done or not: looked at, and tried again. */
async function settle(change: () => Promise<void>, isDone: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change()
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) throw error
      if (await isDone()) return
      if (attempt === 3) throw new BiodmError('conflict', 'Somebody else changes this membership. Try again.')
    }
  }
}

const EMPTY = { email: null, firstName: null, lastName: null } as const

const credential = (value: string) => ({ type: 'password', value, temporary: false })

/** Never with `attributes`, which would erase what the same body lacks. */
function sent(fields: UserFields): Record<string, string> {
  const body: Record<string, string> = {}
  for (const name of USER_FIELDS) {
    const value = fields[name]
    if (value !== undefined) body[name] = value ?? ''
  }
  return body
}
