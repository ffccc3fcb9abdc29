/** Takes away from the store what no row needs any more. Run from the outbox, so that it happens although a process may die. */
import type { BaseContext } from 'biodm'
import { type FileManager, managerOf } from './manager.js'
import { usedKeys } from './offer.js'
import { chunks, type Upload } from './uploads.js'

export const DISCARD = 's3.discard'

/** Keys of an upload or a file that has gone. */
export interface Discarded {
  /** The file's object: removed once no row names it. */
  readonly key: string
  /** The form's object. */
  readonly pending: string | null
  /** The store's id of a multipart upload. */
  readonly storeId: string | null
}

/** Payloads stay small: one job for so many objects. */
const JOB = 500

type Enqueue = (job: string, payload: unknown) => Promise<void>

export async function enqueueDiscard(enqueue: Enqueue, discarded: readonly Discarded[]): Promise<void> {
  for (const objects of chunks(discarded, JOB)) await enqueue(DISCARD, { objects })
}

export function discardedUpload(manager: FileManager, upload: Upload): Discarded {
  return {
    key: upload.object_key,
    pending: upload.store_id === null ? manager.pendingKey(upload.id, upload.object_key) : null,
    storeId: upload.store_id,
  }
}

/** The job: can be repeated at any time. */
export async function discard(payload: unknown, ctx: BaseContext): Promise<void> {
  const manager = managerOf(ctx)
  const { objects } = payload as { objects: readonly Discarded[] }
  const { store } = manager
  await Promise.all(
    objects.map(({ key, pending, storeId }) =>
      manager.limit(async () => {
        if (storeId !== null) await store.abortMultipart(key, storeId)
        if (pending !== null) await store.delete(pending)
      }),
    ),
  )
  const keys = [...new Set(objects.map(({ key }) => key))]
  const used = await manager.runtime.transaction(({ trx }) => usedKeys(manager, trx, keys))
  await Promise.all(keys.filter((key) => !used.has(key)).map((key) => manager.limit(() => store.delete(key))))
}
