import { BiodmError, type PrefixContext, type Problem, type Row } from 'biodm'
import type { RemoteUser } from '../admin/shapes.js'
import { USER_FIELDS, type UserFields } from '../admin/users.js'
import { mapBounded } from '../concurrency.js'
import { type Keycloak, keycloakOf } from '../manager.js'
import { join, type Link, linksTo, parentOf } from './memberships.js'
import {
  fill,
  refusal,
  refuseForeignId,
  refuseMoved,
  refusePending,
  releases,
  type Subject,
  subjectsOf,
  undoable,
  withRefusals,
} from './subjects.js'

/** A user that is in Keycloak now. `fresh`: made by this request, so it has no memberships yet. */
interface Resolved {
  readonly user: RemoteUser
  readonly fresh: boolean
}

/**
 * `keycloak.user`, prefix of a write: every user of the level is read from Keycloak or created there, given columns that
 * differ are updated there, all others filled from there, and the memberships of the groups that it is nested in are set.
 */
export async function writeUsers(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  if (keycloak.isOwnWrite) return
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx.items, 'user').filter((subject) => !releases(subject))
    const wanted = subjects.filter((subject) => !isKnown(subject))
    for (const subject of wanted) checkUser(subject)
    await refusePending(keycloak, 'user', wanted)
    const found = await mapBounded(wanted, (subject) => readOrCreate(ctx, keycloak, subject), {
      signal: ctx.signal,
    })
    const resolved = new Map(wanted.map((subject, index) => [subject, found[index]] as const))
    await settle(ctx, keycloak, resolved)
    await link(ctx, keycloak, subjects, resolved)
  })
}

/** A reference to a user who is known here asks nobody. */
const isKnown = (subject: Subject): boolean =>
  subject.reference &&
  subject.stored &&
  (subject.storedId !== null || !subject.items.some((item) => linksTo(item, 'group')))

function checkUser(subject: Subject): void {
  const { name } = subject
  if (name !== name.toLowerCase()) {
    throw refusal('invalid_body', subject, 'username', `User names are lower case: "${name.toLowerCase()}".`)
  }
  if (name === '') throw refusal('invalid_body', subject, 'username', 'A user name is not empty.')
  for (const { data } of subject.items) {
    if (typeof data['email'] === 'string') data['email'] = data['email'].toLowerCase()
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

async function readOrCreate(ctx: PrefixContext, keycloak: Keycloak, subject: Subject): Promise<Resolved> {
  const found = await keycloak.service.users.find(subject.name)
  if (found !== null) return { user: await update(ctx, keycloak, subject, found), fresh: false }
  if (!ctx.may('create', subject.item)) {
    const code = subject.reference ? 'reference_missing' : 'conflict'
    throw refusal(code, subject, 'username', `There is no user "${subject.name}" in Keycloak.`)
  }
  refuseForeignId(subject, '')
  const { password, ...fields } = given(subject)
  const { user, created } = await located(subject, () =>
    keycloak.admin(ctx.identity).users.create(subject.name, fields, password),
  )
  if (!created) return { user: await update(ctx, keycloak, subject, user), fresh: false }
  await undoable(ctx, () => keycloak.service.users.remove(user.id))
  return { user, fresh: true }
}

/** Sends what differs; the user as it is then. */
async function update(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subject: Subject,
  user: RemoteUser,
): Promise<RemoteUser> {
  if (user.serviceAccount) {
    throw refusal(
      'invalid_body',
      subject,
      'username',
      `"${user.username}" is a service account, not a person.`,
    )
  }
  if (subject.storedId !== null && subject.storedId !== user.id && !subject.reference) {
    const message = `"${user.username}" was deleted and made anew in Keycloak. An admin releases the name by PUT {"id": null}.`
    throw refusal('conflict', subject, 'username', message)
  }
  const { password, ...fields } = given(subject)
  const changed = USER_FIELDS.filter(
    (name) => fields[name] !== undefined && (fields[name] || null) !== user[name],
  )
  const pick = (from: UserFields): UserFields =>
    Object.fromEntries(changed.map((name) => [name, from[name] || null]))
  const admin = keycloak.admin(ctx.identity)
  if (changed.length > 0) {
    await located(subject, () => admin.users.update(user.id, pick(fields)))
    await undoable(ctx, () => keycloak.service.users.update(user.id, pick(user)))
  }
  if (password !== null) await located(subject, () => admin.users.setPassword(user.id, password))
  return { ...user, ...pick(fields) }
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

/** Keycloak's columns into the data; a mere reference to a user who is not here is imported, for any caller. */
async function settle(
  ctx: PrefixContext,
  keycloak: Keycloak,
  resolved: ReadonlyMap<Subject, Resolved | undefined>,
): Promise<void> {
  const found = [...resolved].flatMap(([subject, entry]) =>
    entry === undefined ? [] : [{ subject, id: entry.user.id, user: entry.user }],
  )
  for (const { subject, id } of found) refuseForeignId(subject, id)
  await refuseMoved(keycloak, 'user', found)
  const imported = found.filter(({ subject }) => subject.reference && !subject.stored)
  if (imported.length > 0) {
    const rows = imported.map(({ user }) => ({ username: user.username, ...columnsOf(user) }))
    await keycloak.ownWrite(() => ctx.service('User', { identity: 'system' }).write(rows))
  }
  for (const { subject, user } of found) if (!subject.reference) fill(subject, columnsOf(user))
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
      const group = await parentOf(keycloak, item, 'group')
      links.push({ user: { id, name: subject.name, fresh: entry?.fresh ?? false }, group })
    }
  }
  await join(ctx, keycloak, links)
}
