import { BiodmError, type PrefixContext, type Problem, type Row } from 'biodm'
import type { RemoteUser } from '../admin/shapes.js'
import { USER_FIELDS, type UserFields } from '../admin/users.js'
import { mapBounded } from '../concurrency.js'
import { type Keycloak, keycloakOf } from '../manager.js'
import { join, type Link, linksTo, parentOf } from './memberships.js'
import {
  fill,
  isImported,
  refusal,
  refuseForeignId,
  refuseMoved,
  refusePending,
  releases,
  type Subject,
  subjectsOf,
  withRefusals,
} from './subjects.js'
import { undoable, undoably } from './undo.js'

/** A user that is in Keycloak now, as this request has left it there. */
interface Resolved {
  readonly user: RemoteUser
  /** Made by this request, so it had no memberships. */
  readonly fresh: boolean
  /** Set by this request. */
  readonly password: string | null
}

/**
 * `keycloak.user`, prefix of a write: every user of the level is read from Keycloak or created there, given columns that
 * differ are updated there, all others filled from there, and the memberships of the groups that it is nested in are set.
 */
export async function writeUsers(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  if (keycloak.isOwnWrite) return
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx, 'user').filter((subject) => !releases(subject))
    const wanted = subjects.filter((subject) => !isKnown(subject))
    for (const subject of wanted) prepare(subject)
    await refusePending(ctx, keycloak, 'user', wanted)
    const found = await mapBounded(wanted, (subject) => resolve(ctx, keycloak, subject), {
      signal: ctx.signal,
    })
    const resolved = new Map(wanted.map((subject, index) => [subject, found[index]] as const))
    await settle(ctx, keycloak, resolved)
    await link(ctx, keycloak, subjects, resolved)
  })
}

/**
 * `keycloak.user`, prefix of `refer`: users of Keycloak that foreign keys name and that are not here are imported. Those
 * that Keycloak does not know either are left to the core, which misses them.
 */
export async function importUsers(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx, 'user')
    await refusePending(ctx, keycloak, 'user', subjects)
    const found = await mapBounded(subjects, ({ name }) => keycloak.service.users.find(name), {
      signal: ctx.signal,
    })
    const known = subjects.flatMap((subject, index) => {
      const user = found[index]
      return user === null || user === undefined || user.serviceAccount
        ? []
        : [{ subject, id: user.id, user }]
    })
    await refuseMoved(ctx, keycloak, 'user', known)
    await store(
      ctx,
      keycloak,
      known.map(({ user }) => user),
    )
  })
}

/** A reference to a user who is known here asks nobody. */
const isKnown = (subject: Subject): boolean =>
  subject.reference &&
  subject.stored &&
  (subject.storedId !== null || !subject.items.some((item) => linksTo(item, 'group')))

/** E-mails in the form that Keycloak keeps, and nothing for an empty text, which is how Keycloak keeps nothing. */
function prepare(subject: Subject): void {
  if (subject.name === '') throw refusal('invalid_body', subject, null, 'A user name is not empty.')
  for (const { data } of subject.items) {
    if (typeof data['email'] === 'string') data['email'] = data['email'].toLowerCase()
    for (const name of USER_FIELDS) if (data[name] === '') data[name] = null
  }
}

/** What the request says of the user, from whichever of its objects says it. */
function given(subject: Subject): UserFields & { readonly password: string | null } {
  const said = (name: string): unknown =>
    subject.items.find(({ data }) => data[name] !== undefined)?.data[name]
  const fields: Record<string, string | null> = {}
  for (const name of USER_FIELDS) {
    const value = said(name)
    if (typeof value === 'string' || value === null) fields[name] = value
  }
  const password = said('password')
  return { ...fields, password: typeof password === 'string' ? password : null }
}

/** Looked up once a request, at whatever levels of its tree the user stands. */
async function resolve(ctx: PrefixContext, keycloak: Keycloak, subject: Subject): Promise<Resolved> {
  const slot = `keycloak.user ${subject.name}`
  const met = ctx.shared.get(slot) as Resolved | undefined
  const resolved = await readOrCreate(ctx, keycloak, subject, met)
  ctx.shared.set(slot, resolved)
  return resolved
}

async function readOrCreate(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subject: Subject,
  met: Resolved | undefined,
): Promise<Resolved> {
  if (met !== undefined) return await update(ctx, keycloak, subject, met)
  const found = await keycloak.service.users.find(subject.name)
  if (found !== null) return await update(ctx, keycloak, subject, unchanged(found))
  if (!ctx.may('create', subject.item)) {
    const code = subject.reference ? 'reference_missing' : 'conflict'
    throw refusal(code, subject, null, `There is no user "${subject.name}" in Keycloak.`)
  }
  refuseForeignId(subject, '')
  const { password, ...fields } = given(subject)
  const { user, created } = await located(subject, () =>
    keycloak.admin(ctx.identity).users.create(subject.name, fields, password),
  )
  if (!created) return await update(ctx, keycloak, subject, unchanged(user))
  await undoable(ctx, () => keycloak.service.users.remove(user.id))
  return { user, fresh: true, password }
}

const unchanged = (user: RemoteUser): Resolved => ({ user, fresh: false, password: null })

/** Sends what differs. */
async function update(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subject: Subject,
  before: Resolved,
): Promise<Resolved> {
  const { user } = before
  refuseStranger(subject, user)
  const { password, ...fields } = given(subject)
  const changed = USER_FIELDS.filter(
    (name) => fields[name] !== undefined && (fields[name] || null) !== user[name],
  )
  const pick = (from: UserFields): UserFields =>
    Object.fromEntries(changed.map((name) => [name, from[name] || null]))
  const admin = keycloak.admin(ctx.identity)
  if (changed.length > 0) {
    await undoably(
      ctx,
      () => located(subject, () => admin.users.update(user.id, pick(fields))),
      () => keycloak.service.users.update(user.id, pick(user)),
    )
  }
  if (password !== null && password !== before.password)
    await located(subject, () => admin.users.setPassword(user.id, password))
  return { user: { ...user, ...pick(fields) }, fresh: before.fresh, password: password ?? before.password }
}

/** Not a person, or not the one that is stored. */
function refuseStranger(subject: Subject, user: RemoteUser): void {
  if (user.serviceAccount) {
    const message = `"${user.username}" is a service account, not a person.`
    throw refusal('invalid_body', subject, null, message)
  }
  if (subject.storedId === null || subject.storedId === user.id || subject.reference) return
  const message = `"${user.username}" was deleted and made anew in Keycloak. An admin releases the name by PUT {"id": null}.`
  throw refusal('conflict', subject, null, message)
}

/** Puts the object's place in front of the pointers of a refusal. */
async function located<T>(subject: Subject, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BiodmError) || error.errors.length === 0) throw error
    const errors = error.errors.map(
      (problem): Problem => ({ ...problem, pointer: `${subject.item.pointer}${problem.pointer ?? ''}` }),
    )
    throw new BiodmError(error.code, error.message, { errors, headers: error.headers, cause: error.cause })
  }
}

/** Keycloak's columns into the data, or into the database for those who may only refer to users. */
async function settle(
  ctx: PrefixContext,
  keycloak: Keycloak,
  resolved: ReadonlyMap<Subject, Resolved | undefined>,
): Promise<void> {
  const found = [...resolved].flatMap(([subject, entry]) =>
    entry === undefined ? [] : [{ subject, id: entry.user.id, user: entry.user }],
  )
  for (const { subject, id } of found) refuseForeignId(subject, id)
  await refuseMoved(ctx, keycloak, 'user', found)
  const imported = found.filter(({ subject }) => isImported(ctx, subject))
  await store(
    ctx,
    keycloak,
    imported.map(({ user }) => user),
  )
  for (const one of found) {
    const { subject, user } = one
    if (!imported.includes(one) && !(subject.reference && subject.stored)) fill(subject, columnsOf(user))
  }
}

async function store(ctx: PrefixContext, keycloak: Keycloak, users: readonly RemoteUser[]): Promise<void> {
  if (users.length === 0) return
  const rows = users.map((user): Row => ({ username: user.username, ...columnsOf(user) }))
  await keycloak.ownWrite(() => ctx.service('User', { identity: 'system' }).write(rows))
}

/** The columns that Keycloak keeps of a user. */
export function columnsOf({ id, email, firstName, lastName }: RemoteUser): Row {
  return { id, email, firstName, lastName }
}

async function link(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subjects: readonly Subject[],
  resolved: ReadonlyMap<Subject, Resolved | undefined>,
): Promise<void> {
  const links: Link[] = []
  for (const subject of subjects) {
    const entry = resolved.get(subject)
    const id = entry?.user.id ?? subject.storedId
    if (id === null) continue
    for (const item of subject.items) {
      keycloak.ids.set(item.data, id)
      if (!linksTo(item, 'group')) continue
      const group = await parentOf(ctx, keycloak, item, 'group')
      links.push({ user: { id, name: subject.name, fresh: entry?.fresh ?? false }, group })
    }
  }
  await join(ctx, keycloak, links)
}
