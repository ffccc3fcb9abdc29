import { BiodmError, type PrefixContext, type PrefixItem } from 'biodm'
import { mapBounded } from '../concurrency.js'
import type { Keycloak } from '../manager.js'
import type { Kind } from '../rows.js'
import { reading } from './subjects.js'
import { undoably } from './undo.js'

/** A link that a request asks for, by Keycloak's ids and by our names. */
export interface Link {
  readonly user: { readonly id: string; readonly name: string; readonly fresh: boolean }
  readonly group: { readonly id: string; readonly name: string }
}

/** Whether the object is nested in the other kind through the membership relation. */
export function linksTo(item: PrefixItem, kind: Kind): boolean {
  const via =
    kind === 'user' ? { resource: 'User', relation: 'groups' } : { resource: 'Group', relation: 'users' }
  return item.via?.resource === via.resource && item.via.relation === via.relation
}

/** Keycloak id and name of what the object is nested in; looked up when no hook has seen that object. */
export async function parentOf(
  ctx: PrefixContext,
  keycloak: Keycloak,
  item: PrefixItem,
  kind: Kind,
): Promise<{ readonly id: string; readonly name: string }> {
  const name = item.via?.key?.[kind === 'user' ? 'username' : 'path']
  if (typeof name !== 'string') throw new BiodmError('conflict', `The ${kind} of a membership has no name.`)
  const seen = item.parent === null ? undefined : keycloak.ids.get(item.parent)
  if (seen !== undefined) return { id: seen, name }
  const { rows, service } = keycloak
  const [stored] = await reading(ctx, (trx) => rows.byName(trx, kind, [name]))
  if (stored !== undefined && stored.id !== null) return { id: stored.id, name }
  const found = kind === 'user' ? await service.users.find(name) : await service.groups.find(name)
  if (found !== null) return { id: found.id, name }
  throw new BiodmError('conflict', `Keycloak has no ${kind} "${name}": write it before its memberships.`)
}

/**
 * Makes the links in Keycloak, those that are not there yet, undone when the request fails; when it does not, forgets that a
 * sync had made them: from now on they are ours.
 */
export async function join(ctx: PrefixContext, keycloak: Keycloak, links: readonly Link[]): Promise<void> {
  if (links.length === 0) return
  const { rows, service } = keycloak
  const admin = keycloak.admin(ctx.identity)
  const distinct = new Map(links.map((link) => [`${link.user.id} ${link.group.id}`, link]))
  const users = new Map(links.map(({ user }) => [user.id, user]))
  const joined = new Map(
    await mapBounded(
      [...users.values()],
      async ({ id, fresh }) => [id, fresh ? [] : await service.users.groups(id)] as const,
      { signal: ctx.signal },
    ),
  )
  const missing = [...distinct.values()].filter(
    ({ user, group }) => !joined.get(user.id)?.some(({ id }) => id === group.id),
  )
  await mapBounded(
    missing,
    ({ user, group }) =>
      undoably(
        ctx,
        () => admin.users.join(user.id, group.id),
        () => service.users.leave(user.id, group.id),
      ),
    { signal: ctx.signal },
  )
  const memberships = [...distinct.values()].map(({ user, group }) => ({
    username: user.name,
    path: group.name,
  }))
  ctx.afterCommit(async () => {
    const marked = await rows.read((trx) => rows.markedOf(trx, memberships))
    if (marked.length > 0) await rows.transaction((trx) => rows.unmark(trx, marked))
  })
}
