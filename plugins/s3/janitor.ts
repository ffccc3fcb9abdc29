/** Cleans up behind uploads that nobody finished, and behind processes that died. Safe to run at any time, by anybody. */
import type { Log } from 'biodm'
import { discardedUpload, enqueueDiscard } from './discard.js'
import type { FileManager } from './manager.js'
import { existing, removeUpload, startedBefore } from './uploads.js'

export interface Swept {
  /** Rows of uploads that ran out of time. */
  readonly expired: readonly string[]
  /** Multipart uploads in the store that no row knows. */
  readonly aborted: readonly string[]
  /** Objects under `_pending/` that no row knows. */
  readonly removed: readonly string[]
}

const BATCH = 100
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** With `dryRun` nothing is changed; what would be is told. Stops early when `signal` is aborted. */
export async function sweep(
  manager: FileManager,
  options: { readonly dryRun: boolean; readonly signal: AbortSignal; readonly log: Log },
): Promise<Swept> {
  // what expires is taken away by its own jobs: first, what no row knows already
  const aborted = await abortOrphans(manager, options)
  const removed = await removeLate(manager, options)
  const expired = await expire(manager, options)
  if (!options.dryRun) await manager.store.sweep()
  const swept = { expired, aborted, removed }
  if (Object.values(swept).some((list) => list.length > 0) && !options.dryRun) {
    options.log.info(
      { expired: expired.length, aborted: aborted.length, removed: removed.length },
      'cleaned up behind unfinished uploads',
    )
  }
  return swept
}

interface SweepOptions {
  readonly dryRun: boolean
  readonly signal: AbortSignal
}

async function expire(manager: FileManager, { dryRun, signal }: SweepOptions): Promise<readonly string[]> {
  const before = Date.now() - manager.settings.pendingExpirationMs
  const expired: string[] = []
  if (dryRun) {
    const uploads = await manager.runtime.transaction(({ trx }) => startedBefore(trx, before, 100_000))
    return uploads.map(({ object_key }) => object_key)
  }
  for (let more = true; more && !signal.aborted; ) {
    more = await manager.runtime.transaction(async ({ trx, enqueue }) => {
      const uploads = await startedBefore(trx, before, BATCH)
      for (const upload of uploads) {
        if (!(await removeUpload(trx, upload.id))) continue
        await enqueueDiscard(enqueue, [discardedUpload(manager, upload)])
        expired.push(upload.object_key)
      }
      return uploads.length === BATCH
    })
  }
  return expired
}

/** Only old ones: the row of a young one may be about to be committed. */
async function abortOrphans(manager: FileManager, options: SweepOptions): Promise<readonly string[]> {
  const before = Date.now() - manager.settings.pendingExpirationMs
  const aborted: string[] = []
  const uploads = manager.store.listUploads(manager.settings.prefix)
  for await (const some of batches(uploads, options.signal)) {
    const old = some.filter((upload) => upload.startedAt.getTime() < before)
    const known = await knownOf(
      manager,
      'store_id',
      old.map((upload) => upload.uploadId),
    )
    for (const { key, uploadId } of old) {
      if (known.has(uploadId)) continue
      if (!options.dryRun) await manager.store.abortMultipart(key, uploadId)
      aborted.push(key)
    }
  }
  return aborted
}

async function removeLate(manager: FileManager, options: SweepOptions): Promise<readonly string[]> {
  const removed: string[] = []
  const prefix = manager.pendingPrefix
  for await (const some of batches(manager.store.listObjects(prefix), options.signal)) {
    const owned = some.flatMap(({ key }) => {
      const [id = ''] = key.slice(prefix.length).split('/')
      return UUID.test(id) ? [{ key, id }] : []
    })
    const known = await knownOf(
      manager,
      'id',
      owned.map(({ id }) => id),
    )
    for (const { key, id } of owned) {
      if (known.has(id)) continue
      if (!options.dryRun) await manager.store.delete(key)
      removed.push(key)
    }
  }
  return removed
}

async function knownOf(
  manager: FileManager,
  column: 'id' | 'store_id',
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  return await manager.runtime.transaction(({ trx }) => existing(trx, column, ids))
}

async function* batches<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    if (signal.aborted) return
    batch.push(item)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
