import type { PrefixContext } from 'biodm'
import { NoParent } from '../admin/groups.js'
import type { RemoteGroup } from '../admin/shapes.js'
import { mapBounded } from '../concurrency.js'
import { type Keycloak, keycloakOf } from '../manager.js'
import { parsePath } from '../paths.js'
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
import { undoable } from './undo.js'

/**
 * `keycloak.group`, prefix of a write: every group of the level is read from Keycloak or created there, its id put into
 * the data, and the memberships of the users that it is nested in are set.
 */
export async function writeGroups(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  if (keycloak.isOwnWrite) return
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx, 'group').filter((subject) => !releases(subject))
    const wanted = subjects.filter((subject) => !isKnown(subject))
    for (const subject of wanted) checkPath(subject)
    await refusePending(ctx, keycloak, 'group', wanted)
    const ids = new Map(
      subjects.flatMap((subject) =>
        subject.storedId === null ? [] : [[subject.name, subject.storedId] as const],
      ),
    )
    for (const [name, { id }] of await resolve(ctx, keycloak, wanted)) ids.set(name, id)
    await link(ctx, keycloak, subjects, ids)
  })
}

/**
 * `keycloak.group`, prefix of `refer`: groups of Keycloak that lists or foreign keys name and that are not here are imported.
 * Those that Keycloak does not know either are left to the core, which misses them.
 */
export async function importGroups(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx, 'group').filter(({ name }) => !('problem' in parsePath(name)))
    await refusePending(ctx, keycloak, 'group', subjects)
    const found = await mapBounded(subjects, ({ name }) => keycloak.service.groups.find(name), {
      signal: ctx.signal,
    })
    const known = subjects.flatMap((subject, index) => {
      const id = found[index]?.id
      return id === undefined ? [] : [{ subject, id }]
    })
    await refuseMoved(ctx, keycloak, 'group', known)
    await store(ctx, keycloak, known)
  })
}

/** A reference to a group that is known here asks nobody. */
const isKnown = (subject: Subject): boolean =>
  subject.reference &&
  subject.stored &&
  (subject.storedId !== null || !subject.items.some((item) => linksTo(item, 'user')))

function checkPath(subject: Subject): void {
  const parsed = parsePath(subject.name)
  if ('problem' in parsed)
    throw refusal('invalid_body', subject, null, `Not a group path: ${parsed.problem}.`)
}

/** Level by level, so that a parent in the same request is there before its children. */
async function resolve(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, RemoteGroup>> {
  const groups = new Map<string, RemoteGroup>()
  const lookups = lookupsOf(ctx)
  const find = (path: string): Promise<RemoteGroup | null> => {
    const lookup = lookups.get(path) ?? keycloak.service.groups.find(path)
    lookups.set(path, lookup)
    return lookup
  }
  for (const level of levels(subjects)) {
    const found = await mapBounded(level, (subject) => readOrCreate(ctx, keycloak, subject, find), {
      signal: ctx.signal,
    })
    for (const [index, group] of found.entries()) {
      const path = level[index]?.name ?? ''
      groups.set(path, group)
      lookups.set(path, Promise.resolve(group))
    }
    await settle(
      ctx,
      keycloak,
      level.map((subject, index) => ({ subject, id: found[index]?.id ?? '' })),
    )
  }
  return groups
}

/** What this request has looked up or made so far, at whatever levels of its tree. */
function lookupsOf(ctx: PrefixContext): Map<string, Promise<RemoteGroup | null>> {
  const known = ctx.shared.get(LOOKUPS) as Map<string, Promise<RemoteGroup | null>> | undefined
  const lookups = known ?? new Map<string, Promise<RemoteGroup | null>>()
  ctx.shared.set(LOOKUPS, lookups)
  return lookups
}

const LOOKUPS = 'keycloak.groups'

function levels(subjects: readonly Subject[]): Subject[][] {
  const found: Subject[][] = []
  for (const subject of subjects) {
    const depth = subject.name.split('__').length
    const level = found[depth]
    if (level === undefined) found[depth] = [subject]
    else level.push(subject)
  }
  return found.filter((level) => level !== undefined)
}

async function readOrCreate(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subject: Subject,
  find: (path: string) => Promise<RemoteGroup | null>,
): Promise<RemoteGroup> {
  const found = await find(subject.name)
  if (found !== null) return found
  if (!ctx.may('create', subject.item)) {
    throw refusal('reference_missing', subject, null, `There is no group "${subject.name}".`)
  }
  refuseForeignId(subject, '')
  const above = subject.name.lastIndexOf('__')
  const parent = above < 0 ? null : await find(subject.name.slice(0, above))
  if (above >= 0 && parent === null) throw noParent(subject)
  try {
    const { group, created } = await keycloak.admin(ctx.identity).groups.create(subject.name, parent)
    if (created) await undoable(ctx, () => undoCreate(keycloak, subject.name, group.id))
    return group
  } catch (error) {
    throw error instanceof NoParent ? noParent(subject) : error
  }
}

const noParent = (subject: Subject) => refusal('invalid_body', subject, null, new NoParent().message)

async function undoCreate(keycloak: Keycloak, path: string, id: string): Promise<void> {
  if (await keycloak.service.groups.remove(id)) return
  keycloak.log.warn(
    { path, id },
    'a group made by a failed request has children by now and stays in Keycloak',
  )
}

/** Ids into the data, or into the database for those who may only refer to groups. */
async function settle(
  ctx: PrefixContext,
  keycloak: Keycloak,
  found: readonly { readonly subject: Subject; readonly id: string }[],
): Promise<void> {
  for (const { subject, id } of found) refuseForeignId(subject, id)
  await refuseMoved(ctx, keycloak, 'group', found)
  const imported = found.filter(({ subject }) => isImported(ctx, subject))
  await store(ctx, keycloak, imported)
  for (const one of found) {
    const { subject, id } = one
    if (!imported.includes(one) && !(subject.reference && subject.stored)) fill(subject, { id })
  }
}

async function store(
  ctx: PrefixContext,
  keycloak: Keycloak,
  groups: readonly { readonly subject: Subject; readonly id: string }[],
): Promise<void> {
  if (groups.length === 0) return
  const rows = groups.map(({ subject, id }) => ({ path: subject.name, id }))
  await keycloak.ownWrite(() => ctx.service('Group', { identity: 'system' }).write(rows))
}

async function link(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subjects: readonly Subject[],
  ids: ReadonlyMap<string, string>,
): Promise<void> {
  const links: Link[] = []
  for (const { name, items } of subjects) {
    const id = ids.get(name)
    if (id === undefined) continue
    for (const item of items) {
      keycloak.ids.set(item.data, id)
      if (!linksTo(item, 'user')) continue
      const user = await parentOf(ctx, keycloak, item, 'user')
      links.push({ user: { ...user, fresh: false }, group: { id, name } })
    }
  }
  await join(ctx, keycloak, links)
}
