import type { PrefixContext } from 'biodm'
import { NoParent } from '../admin/groups.js'
import type { RemoteGroup } from '../admin/shapes.js'
import { mapBounded } from '../concurrency.js'
import { type Keycloak, keycloakOf } from '../manager.js'
import { parsePath } from '../paths.js'
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

/**
 * `keycloak.group`, prefix of a write: every group of the level is read from Keycloak or created there, its id put into
 * the data, and the memberships of the users that it is nested in are set.
 */
export async function writeGroups(ctx: PrefixContext): Promise<void> {
  const keycloak = keycloakOf(ctx)
  if (keycloak.isOwnWrite) return
  await withRefusals(async () => {
    const subjects = subjectsOf(ctx.items, 'group').filter((subject) => !releases(subject))
    const wanted = subjects.filter((subject) => !isKnown(subject))
    for (const subject of wanted) checkPath(subject)
    await refusePending(keycloak, 'group', wanted)
    const ids = new Map(
      subjects.flatMap((subject) =>
        subject.storedId === null ? [] : [[subject.name, subject.storedId] as const],
      ),
    )
    for (const [name, { id }] of await resolve(ctx, keycloak, wanted)) ids.set(name, id)
    await link(ctx, keycloak, subjects, ids)
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
    throw refusal('invalid_body', subject, 'path', `Not a group path: ${parsed.problem}.`)
}

/** Level by level, so that a parent in the same request is there before its children. */
async function resolve(
  ctx: PrefixContext,
  keycloak: Keycloak,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, RemoteGroup>> {
  const groups = new Map<string, RemoteGroup>()
  const lookups = new Map<string, Promise<RemoteGroup | null>>()
  const find = (path: string): Promise<RemoteGroup | null> => {
    const known = groups.get(path)
    if (known !== undefined) return Promise.resolve(known)
    const lookup = lookups.get(path) ?? keycloak.service.groups.find(path)
    lookups.set(path, lookup)
    return lookup
  }
  for (const level of levels(subjects)) {
    const found = await mapBounded(level, (subject) => readOrCreate(ctx, keycloak, subject, find), {
      signal: ctx.signal,
    })
    for (const [index, group] of found.entries()) groups.set(level[index]?.name ?? '', group)
    await settle(
      ctx,
      keycloak,
      level.map((subject, index) => ({ subject, id: found[index]?.id ?? '' })),
    )
  }
  return groups
}

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
    throw refusal('reference_missing', subject, 'path', `There is no group "${subject.name}".`)
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

const noParent = (subject: Subject) => refusal('invalid_body', subject, 'path', new NoParent().message)

async function undoCreate(keycloak: Keycloak, path: string, id: string): Promise<void> {
  if (await keycloak.service.groups.remove(id)) return
  keycloak.log.warn(
    { path, id },
    'a group made by a failed request has children by now and stays in Keycloak',
  )
}

/** Ids into the data; a mere reference to a group that is not here is imported, for any caller. */
async function settle(
  ctx: PrefixContext,
  keycloak: Keycloak,
  found: readonly { readonly subject: Subject; readonly id: string }[],
): Promise<void> {
  for (const { subject, id } of found) refuseForeignId(subject, id)
  await refuseMoved(keycloak, 'group', found)
  const imported = found.filter(({ subject }) => subject.reference && !subject.stored)
  if (imported.length > 0) {
    const rows = imported.map(({ subject, id }) => ({ path: subject.name, id }))
    await keycloak.ownWrite(() => ctx.service('Group', { identity: 'system' }).write(rows))
  }
  for (const { subject, id } of found) if (!subject.reference) fill(subject, { id })
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
      const user = await parentOf(keycloak, item, 'user')
      links.push({ user: { ...user, fresh: false }, group: { id, name } })
    }
  }
  await join(ctx, keycloak, links)
}
