/**
 * The state of one realm and the rules by which a real Keycloak 26 changes it: what is lower-cased, unique, refused,
 * merged or deleted along. The suite of the keycloak plugin runs on this and on a real one.
 */
import { randomUUID } from 'node:crypto'

/** The part of a realm export that is understood; the rest is ignored. */
export interface RealmFile {
  readonly realm: string
  readonly accessTokenLifespan?: number
  readonly editUsernameAllowed?: boolean
  readonly passwordPolicy?: string
  readonly clients?: readonly ClientFile[]
  readonly groups?: readonly GroupFile[]
  readonly users?: readonly UserFile[]
}
export interface ClientFile {
  readonly clientId: string
  readonly secret?: string
  readonly redirectUris?: readonly string[]
  readonly protocolMappers?: readonly {
    readonly protocolMapper: string
    readonly config: Readonly<Record<string, string>>
  }[]
}
export interface GroupFile {
  readonly name: string
  readonly subGroups?: readonly GroupFile[]
}
export interface UserFile {
  readonly username: string
  readonly enabled?: boolean
  readonly email?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly serviceAccountClientId?: string
  readonly clientRoles?: Readonly<Record<string, readonly string[]>>
  readonly credentials?: readonly { readonly type: string; readonly value: string }[]
  readonly groups?: readonly string[]
}

export interface User {
  readonly id: string
  username: string
  email: string
  firstName: string
  lastName: string
  enabled: boolean
  password: string | null
  readonly serviceAccountClientId: string | null
  /** Of `realm-management`. */
  readonly roles: readonly string[]
  readonly groups: Set<string>
}

export interface Group {
  readonly id: string
  name: string
  parentId: string | null
}

/** A refusal as Keycloak words it. */
export class Refusal extends Error {
  readonly status: number
  readonly body: unknown

  constructor(status: number, body: unknown) {
    super(`refused with ${status}`)
    this.status = status
    this.body = body
  }
}

const conflict = (errorMessage: string): Refusal => new Refusal(409, { errorMessage })
const invalid = (field: string, errorMessage: string, ...limits: number[]): Refusal =>
  new Refusal(400, { field, errorMessage, params: [field, ...limits] })

export type Body = Readonly<Record<string, unknown>>

export class Realm {
  readonly users = new Map<string, User>()
  readonly groups = new Map<string, Group>()
  readonly file: RealmFile
  readonly #escapeSlashes: boolean

  constructor(file: RealmFile, escapeSlashes: boolean) {
    this.file = file
    this.#escapeSlashes = escapeSlashes
    for (const group of file.groups ?? []) this.#addTree(group, null)
    for (const user of file.users ?? []) this.#addUser(user)
  }

  userNamed(username: string): User | undefined {
    return [...this.users.values()].find((user) => user.username === username.toLowerCase())
  }

  children(parentId: string | null): Group[] {
    return sorted(
      [...this.groups.values()].filter((group) => group.parentId === parentId),
      'name',
    )
  }

  members(groupId: string): User[] {
    return sorted(
      [...this.users.values()].filter((user) => user.groups.has(groupId)),
      'username',
    )
  }

  /** Full path; a slash in a name is escaped only when Keycloak was started so. */
  path(group: Group): string {
    const name = this.#escapeSlashes ? group.name.replaceAll('/', '~/') : group.name
    const parent = group.parentId === null ? undefined : this.groups.get(group.parentId)
    return parent === undefined ? `/${name}` : `${this.path(parent)}/${name}`
  }

  /** The nested group wins over one that is merely named like a path. */
  groupAt(path: string): Group | undefined {
    const wanted = `/${path.replace(/^\/+/, '')}`
    const found = [...this.groups.values()].filter((group) => this.path(group) === wanted)
    return found.find((group) => !group.name.includes('/')) ?? found[0]
  }

  createGroup(body: Body, parentId: string | null): Group {
    const name = typeof body['name'] === 'string' ? body['name'] : ''
    if (name === '') throw new Refusal(400, { errorMessage: 'Group name is missing' })
    if (name.length > 255) throw new Refusal(500, { error: 'unknown_error' })
    this.#noSibling(name, parentId, null)
    const moved = typeof body['id'] === 'string' ? this.groups.get(body['id']) : undefined
    if (moved !== undefined) return Object.assign(moved, { name, parentId })
    const group: Group = { id: randomUUID(), name, parentId }
    this.groups.set(group.id, group)
    return group
  }

  renameGroup(group: Group, body: Body): void {
    const name = body['name']
    if (typeof name !== 'string' || name === '')
      throw new Refusal(400, { errorMessage: 'Group name is missing' })
    this.#noSibling(name, group.parentId, group.id)
    group.name = name
  }

  /** Descendants go with it, without a question. */
  deleteGroup(group: Group): void {
    for (const child of this.children(group.id)) this.deleteGroup(child)
    for (const user of this.users.values()) user.groups.delete(group.id)
    this.groups.delete(group.id)
  }

  createUser(body: Body): User {
    const user: User = {
      id: randomUUID(),
      ...EMPTY_USER,
      username: text(body['username']).toLowerCase(),
      enabled: body['enabled'] === true,
      serviceAccountClientId: null,
      roles: [],
      groups: new Set(),
    }
    this.#checkUsername(user.username)
    if (this.userNamed(user.username) !== undefined) throw conflict('User exists with same username')
    this.#setAttributes(user, body)
    this.#setPassword(user, body)
    this.users.set(user.id, user)
    return user
  }

  /** Merges; `attributes` present erase what the same body lacks. */
  updateUser(user: User, body: Body): void {
    const username = body['username']
    if (typeof username === 'string' && username.toLowerCase() !== user.username) {
      if (this.file.editUsernameAllowed !== true) throw invalid('username', 'error-user-attribute-read-only')
      this.#checkUsername(username)
      if (this.userNamed(username) !== undefined) throw conflict('User exists with same username or email')
      user.username = username.toLowerCase()
    }
    const erased = body['attributes'] === undefined ? {} : { email: '', firstName: '', lastName: '' }
    this.#setAttributes(user, { ...erased, ...body })
    this.#setPassword(user, body)
    if (typeof body['enabled'] === 'boolean') user.enabled = body['enabled']
  }

  resetPassword(user: User, value: unknown): void {
    const least = Number(/length\((\d+)\)/.exec(this.file.passwordPolicy ?? '')?.[1] ?? 1)
    if (typeof value !== 'string' || value.length < least) {
      const description = `Invalid password: minimum length ${least}.`
      throw new Refusal(400, { error: 'invalidPasswordMinLengthMessage', error_description: description })
    }
    user.password = value
  }

  #setAttributes(user: User, body: Body): void {
    for (const name of ['firstName', 'lastName'] as const) {
      const value = body[name]
      if (typeof value === 'string' && /[<"$;]/.test(value)) {
        throw invalid(name, 'error-person-name-invalid-character')
      }
    }
    const email = typeof body['email'] === 'string' ? body['email'].toLowerCase() : user.email
    if (email !== '' && !/^[^\s@]+@[^\s@]+$/.test(email)) throw invalid('email', 'error-invalid-email')
    const holder = [...this.users.values()].find((other) => other.email === email && other.id !== user.id)
    if (email !== '' && holder !== undefined) throw conflict('User exists with same email')
    user.email = email
    for (const name of ['firstName', 'lastName'] as const) {
      const value = body[name]
      if (typeof value === 'string') user[name] = value
    }
  }

  #setPassword(user: User, body: Body): void {
    const credentials = Array.isArray(body['credentials']) ? body['credentials'] : []
    for (const credential of credentials) this.resetPassword(user, credential?.value)
  }

  #checkUsername(username: string): void {
    const length = [...username].length
    if (length < 3 || length > 255) throw invalid('username', 'error-invalid-length', 3, 255)
    if (/[\s/<$#?"]/.test(username)) throw invalid('username', 'error-username-invalid-character')
  }

  #noSibling(name: string, parentId: string | null, except: string | null): void {
    if (this.children(parentId).every((group) => group.name !== name || group.id === except)) return
    throw conflict(
      parentId === null
        ? `Top level group named '${name}' already exists.`
        : `Sibling group named '${name}' already exists.`,
    )
  }

  #addTree(file: GroupFile, parentId: string | null): void {
    const { id } = this.createGroup({ name: file.name }, parentId)
    for (const child of file.subGroups ?? []) this.#addTree(child, id)
  }

  #addUser(file: UserFile): void {
    const user: User = {
      id: randomUUID(),
      username: file.username,
      email: file.email ?? '',
      firstName: file.firstName ?? '',
      lastName: file.lastName ?? '',
      enabled: file.enabled ?? false,
      password: file.credentials?.[0]?.value ?? null,
      serviceAccountClientId: file.serviceAccountClientId ?? null,
      roles: file.clientRoles?.['realm-management'] ?? [],
      groups: new Set((file.groups ?? []).flatMap((path) => this.groupAt(path)?.id ?? [])),
    }
    this.users.set(user.id, user)
  }
}

const EMPTY_USER = { email: '', firstName: '', lastName: '', password: null } as const

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export function sorted<K extends string, T extends Record<K, string>>(items: T[], by: K): T[] {
  return items.sort((a, b) => (a[by] < b[by] ? -1 : 1))
}
