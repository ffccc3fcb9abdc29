/**
 * Deleting and unlinking: our database first, Keycloak through the outbox. The jobs run at least once, so each looks
 * first whether its effect is still wanted.
 */
import {
  type BaseContext,
  BiodmError,
  type PostfixContext,
  type PostfixItem,
  type PrefixContext,
} from 'biodm'
import { isUuid } from '../admin/shapes.js'
import { mapBounded } from '../concurrency.js'
import { keycloakOf } from '../manager.js'
import type { Kind } from '../rows.js'
import { reading } from './subjects.js'

/** Prefix of a group's delete: Keycloak would delete its children with it, so a group that has some stays. */
export async function refuseParents(ctx: PrefixContext): Promise<void> {
  const { rows, service } = keycloakOf(ctx)
  const groups = ctx.items.map(({ key, stored }) => ({ path: String(key?.['path']), id: stored?.['id'] }))
  await reading(ctx, async (trx) => {
    for (const { path } of groups) if (await rows.hasDescendants(trx, path)) throw hasChildren(path)
  })
  await mapBounded(
    groups,
    async ({ path, id }) => {
      if (isUuid(id) && (await service.groups.hasChildren(id))) throw hasChildren(path)
    },
    { signal: ctx.signal },
  )
}

const hasChildren = (path: string): BiodmError =>
  new BiodmError('still_referenced', `The group "${path}" has groups below it: delete them first.`)

const KEYS = { user: 'username', group: 'path' } as const satisfies Record<Kind, string>

interface Deletion {
  readonly kind: Kind
  readonly name: string
  readonly id: string
}

/** Postfix of a delete: what Keycloak knows of the row is deleted there once the request has committed. */
export function enqueueDeletions(kind: Kind): (ctx: PostfixContext) => Promise<void> {
  return async (ctx) => {
    const { rows } = keycloakOf(ctx)
    for (const { row } of ctx.items) {
      const deletion = { kind, name: String(row[KEYS[kind]]), id: row['id'] }
      if (!isUuid(deletion.id)) continue
      await rows.addPending(ctx.trx, kind, { name: deletion.name, id: deletion.id })
      await ctx.enqueue('keycloak.delete', deletion)
    }
  }
}

/** Job: 404 counts as done; nothing is done if a row with that id is there again. */
export async function deleteRemote(payload: unknown, ctx: BaseContext): Promise<void> {
  const { kind, name, id } = payload as Deletion
  const { rows, service, log } = keycloakOf(ctx)
  const again = await rows.read((trx) => rows.byId(trx, kind, [id]))
  if (again.length > 0) log.info({ kind, name, id }, 'not deleted in Keycloak: it is here again')
  else if (kind === 'user') await service.users.remove(id)
  else if (!(await service.groups.remove(id))) {
    log.warn({ path: name, id }, 'not deleted in Keycloak: the group has children there by now')
  }
  await rows.transaction((trx) => rows.removePending(trx, kind, name))
}

interface Unlinking {
  readonly username: string
  readonly path: string
  readonly userId: string
  readonly groupId: string
}

/** Postfix of an unlinking of `Group.users` or `User.groups`. */
export async function enqueueUnlinkings(ctx: PostfixContext): Promise<void> {
  const { rows } = keycloakOf(ctx)
  for (const item of ctx.items) {
    const carrierKind = carrierOf(item)
    if (carrierKind === null) continue
    const name = String(item.via?.key?.[KEYS[carrierKind]])
    const [carrier] = await rows.byName(ctx.trx, carrierKind, [name])
    const other = {
      name: String(item.key[KEYS[carrierKind === 'group' ? 'user' : 'group']]),
      id: item.row['id'],
    }
    const ends = { name, id: carrier?.id ?? null }
    const [user, group] = carrierKind === 'group' ? [other, ends] : [ends, other]
    await rows.unmark(ctx.trx, [{ username: user.name, path: group.name }])
    if (!isUuid(user.id) || !isUuid(group.id)) continue
    const unlinking: Unlinking = { username: user.name, path: group.name, userId: user.id, groupId: group.id }
    await ctx.enqueue('keycloak.leave', unlinking)
  }
}

/** Which end of a membership the link was removed from; null for other relations. */
function carrierOf({ via }: PostfixItem): Kind | null {
  if (via?.resource === 'Group' && via.relation === 'users') return 'group'
  return via?.resource === 'User' && via.relation === 'groups' ? 'user' : null
}

/** Job: done when the link is not there; left alone when it is here again. */
export async function leaveRemote(payload: unknown, ctx: BaseContext): Promise<void> {
  const { userId, groupId, ...membership } = payload as Unlinking
  const { rows, service } = keycloakOf(ctx)
  if (await rows.read((trx) => rows.isMember(trx, membership))) return
  await service.users.leave(userId, groupId)
}
