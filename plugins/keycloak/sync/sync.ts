/**
 * The import of everything from Keycloak: groups level by level, then users, then memberships group by group, in batches
 * of bounded size. Nobody is deleted, and only memberships that a sync made are removed again.
 */
import { randomUUID } from 'node:crypto'
import { BiodmError, type Service } from 'biodm'
import { columnsOf } from '../hooks/users.js'
import type { Keycloak } from '../manager.js'
import type { Kind } from '../rows.js'
import { synchroniseMembers } from './members.js'
import { allGroups, allUsers, type FoundGroup } from './remote.js'
import { type Counts, type Entity, storeEntities } from './store.js'

export interface SyncOptions {
  /** Only find out: nothing is written. */
  readonly dryRun: boolean
  /** Services past the access rules. */
  readonly service: (resource: string) => Service
  readonly signal: AbortSignal
  readonly onProgress?: (phase: Phase, done: number, total: number) => void
  /** Each difference, as a line for people: `+ group lab__rna`. */
  readonly onChange?: (line: string) => void
}

export type Phase = 'groups' | 'users' | 'memberships'

export interface Report {
  readonly dry_run: boolean
  readonly groups: Counts
  readonly users: Counts
  readonly memberships: { readonly added: number; readonly removed: number }
  /** What was left out and why, the first hundred. */
  readonly skipped: readonly { readonly what: string; readonly reason: string }[]
  /** What needs a person: ids under other names, the first hundred. */
  readonly conflicts: readonly { readonly what: string; readonly reason: string }[]
}

/** Another sync is under way, here or in another process. */
export class SyncRunning extends Error {
  constructor() {
    super('A sync is running already.')
  }
}

/** What the parts of one sync share. */
export interface Sync extends SyncOptions {
  readonly keycloak: Keycloak
  readonly skip: (what: string, reason: string) => void
  readonly conflict: (what: string, reason: string) => void
  /** Shows that this sync is alive; to be called at least once a batch. */
  readonly beat: () => Promise<void>
}

const NOTES = 100
/** Milliseconds after which a sync that no longer beats counts as dead. */
const LEASE = 120_000

export async function synchronise(keycloak: Keycloak, options: SyncOptions): Promise<Report> {
  await requireRights(keycloak)
  return await exclusively(keycloak, async (beat) => {
    const skipped: { what: string; reason: string }[] = []
    const conflicts: { what: string; reason: string }[] = []
    const note = (list: typeof skipped, level: 'info' | 'warn') => (what: string, reason: string) => {
      keycloak.log[level]({ reason }, `sync: ${what}`)
      if (list.length < NOTES) list.push({ what, reason })
    }
    const sync: Sync = {
      ...options,
      keycloak,
      beat,
      skip: note(skipped, 'info'),
      conflict: note(conflicts, 'warn'),
    }
    const { groups, found } = await syncGroups(sync)
    const { users, imported } = await syncUsers(sync)
    const memberships = await synchroniseMembers(sync, found, imported)
    return { dry_run: options.dryRun, groups, users, memberships, skipped, conflicts }
  })
}

/** With too few rights Keycloak shows empty lists, which would look as if everybody had left. */
async function requireRights({ service, options, log }: Keycloak): Promise<void> {
  const account = `service-account-${options.client_id}`
  if ((await service.users.find(account)) !== null) return
  log.error(
    `sync: the service account ${account} cannot see itself: give it the role manage-users of realm-management`,
  )
  throw new BiodmError('unavailable', 'The service account lacks its role in Keycloak: see the log.')
}

/** Of all processes one at a time; the lease of a dead one runs out. */
async function exclusively<T>(
  { runtime }: Keycloak,
  work: (beat: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { store } = runtime
  const holder = randomUUID()
  const expiry = () => ({ expiresAt: Date.now() + LEASE })
  if (!(await store.add('sync', holder, expiry()))) throw new SyncRunning()
  try {
    return await work(() => store.set('sync', holder, expiry()))
  } finally {
    if ((await store.get('sync')) === holder) await store.delete('sync')
  }
}

async function syncGroups(sync: Sync): Promise<{ groups: Counts; found: FoundGroup[] }> {
  const { service } = sync.keycloak
  const total = await service.groups.count()
  const found: FoundGroup[] = []
  const batches = mapBatches(allGroups(service, sync.signal, sync.skip), (batch) => {
    found.push(...batch)
    return batch.map(({ path, id }) => ({ name: path, id, columns: { id } }))
  })
  return { groups: await storeAll(sync, 'group', batches, total), found }
}

async function syncUsers(sync: Sync): Promise<{ users: Counts; imported: ReadonlySet<string> }> {
  const { service } = sync.keycloak
  const total = await service.users.count()
  const imported = new Set<string>()
  const batches = mapBatches(allUsers(service), (batch) =>
    batch.map((user) => {
      // Only a dry run needs them: otherwise they are in the database by the time memberships are looked at.
      if (sync.dryRun) imported.add(user.username)
      return { name: user.username, id: user.id, columns: columnsOf(user) }
    }),
  )
  return { users: await storeAll(sync, 'user', batches, total), imported }
}

async function storeAll(
  sync: Sync,
  kind: Kind,
  batches: AsyncIterable<readonly Entity[]>,
  total: number,
): Promise<Counts> {
  const counts = { created: 0, updated: 0, unchanged: 0 }
  let done = 0
  for await (const batch of batches) {
    sync.signal.throwIfAborted()
    await sync.beat()
    const stored = await storeEntities(sync, kind, batch)
    counts.created += stored.created
    counts.updated += stored.updated
    counts.unchanged += stored.unchanged
    done += batch.length
    sync.onProgress?.(kind === 'group' ? 'groups' : 'users', done, Math.max(done, total))
  }
  return counts
}

async function* mapBatches<T, R>(
  batches: AsyncIterable<readonly T[]>,
  map: (batch: readonly T[]) => readonly R[],
): AsyncGenerator<readonly R[]> {
  for await (const batch of batches) yield map(batch)
}
