import { mapBounded } from '../concurrency.js'
import type { FoundGroup } from './remote.js'
import { membersOf } from './remote.js'
import type { Sync } from './sync.js'

/** Groups whose members are asked for together. */
const GROUPS = 8
/** Members written together. */
const MEMBERS = 500

export interface MembershipCounts {
  readonly added: number
  readonly removed: number
}

/**
 * Memberships, group by group. What a sync adds it marks; only marked ones are removed when Keycloak no longer has them,
 * so that memberships made here stay. `imported`: users that a dry run would have made.
 */
export async function synchroniseMembers(
  sync: Sync,
  groups: readonly FoundGroup[],
  imported: ReadonlySet<string>,
): Promise<MembershipCounts> {
  const counts = { added: 0, removed: 0 }
  for (let start = 0; start < groups.length; start += GROUPS) {
    await sync.beat()
    const batch = groups.slice(start, start + GROUPS)
    const members = await mapBounded(batch, (group) => membersOf(sync.keycloak.service, group.id), {
      signal: sync.signal,
    })
    for (const [index, { path }] of batch.entries()) {
      const changed = await synchroniseGroup(sync, path, members[index] ?? new Set(), imported)
      counts.added += changed.added
      counts.removed += changed.removed
    }
    sync.onProgress?.('memberships', start + batch.length, groups.length)
  }
  return counts
}

async function synchroniseGroup(
  sync: Sync,
  path: string,
  remote: ReadonlySet<string>,
  imported: ReadonlySet<string>,
): Promise<MembershipCounts> {
  const { rows } = sync.keycloak
  const { local, marked, known, exists } = await rows.read(async (trx) => {
    const members = new Set(await rows.members(trx, path))
    const users = await rows.byName(
      trx,
      'user',
      [...remote].filter((name) => !members.has(name)),
    )
    return {
      local: members,
      marked: new Set(await rows.marked(trx, path)),
      known: new Set(users.map(({ name }) => name)),
      exists: (await rows.byName(trx, 'group', [path])).length > 0,
    }
  })
  if (!exists && !sync.dryRun) return { added: 0, removed: 0 }
  const added = [...remote].filter((name) => !local.has(name) && (known.has(name) || imported.has(name)))
  const removed = [...local].filter((name) => marked.has(name) && !remote.has(name))
  for (const name of added) sync.onChange?.(`+ member ${name} of ${path}`)
  for (const name of removed) sync.onChange?.(`- member ${name} of ${path}`)
  if (!sync.dryRun) {
    await add(sync, path, added)
    const stale = [...marked].filter((name) => !local.has(name) && !added.includes(name))
    await rows.transaction(async (trx) => {
      await rows.removeMembers(trx, path, removed)
      await rows.unmark(
        trx,
        [...removed, ...stale].map((username) => ({ username, path })),
      )
    })
  }
  return { added: added.length, removed: removed.length }
}

async function add({ keycloak, service }: Sync, path: string, usernames: readonly string[]): Promise<void> {
  for (let start = 0; start < usernames.length; start += MEMBERS) {
    const batch = usernames.slice(start, start + MEMBERS)
    // Marked first: a sync that dies in between leaves a mark without a link, which the next one takes away.
    await keycloak.rows.transaction((trx) =>
      keycloak.rows.mark(
        trx,
        batch.map((username) => ({ username, path })),
      ),
    )
    await keycloak.ownWrite(() =>
      service('Group').write({ path, users: batch.map((username) => ({ username })) }),
    )
  }
}
