/** `GET`, `POST` and `DELETE /{id}/upload`: look at, renew and cancel the upload of a file that is not ready. */
import { randomUUID } from 'node:crypto'
import { BiodmError, type RouteResult, type TraitRouteContext } from 'biodm'
import { currentUpload } from './complete.js'
import { discardedUpload, enqueueDiscard } from './discard.js'
import { type FileManager, fromStore, managerOf } from './manager.js'
import { offerUploads } from './offer.js'
import { gone, madeObject } from './settle.js'
import { findUpload, plannedParts, removeUpload, type Upload } from './uploads.js'
import { type UploadView, viewUploads } from './view.js'

const NO_STORE = Object.freeze({ 'Cache-Control': 'no-store' })

/** What is there already, and signed addresses for the rest: an interrupted upload goes on from here. */
export async function getUpload(ctx: TraitRouteContext): Promise<RouteResult> {
  if (ctx.row['ready'] === true) throw gone()
  const upload = await currentUpload(ctx)
  const etags = await fromStore(() => storedEtags(managerOf(ctx), upload))
  return { status: 200, headers: NO_STORE, body: await view(ctx, upload, etags) }
}

/** Parts in the store by number. Of an upload that the store no longer knows: all, if its object is there, else 404. */
async function storedEtags(manager: FileManager, upload: Upload): Promise<ReadonlyMap<number, string>> {
  const { store } = manager
  if (upload.store_id === null) {
    const found = await store.head(manager.pendingKey(upload.id, upload.object_key))
    return new Map(found?.size === upload.size ? [[1, found.etag]] : [])
  }
  const stored = await store.listParts(upload.object_key, upload.store_id)
  if (stored !== null) {
    const sizes = new Map(plannedParts(upload).map((part) => [part.partNumber, part.size]))
    return new Map(
      stored
        .filter((part) => sizes.get(part.partNumber) === part.size)
        .map((part) => [part.partNumber, part.etag]),
    )
  }
  const found = await madeObject(manager, upload)
  if (found === null || found.size !== upload.size) throw gone()
  return new Map(plannedParts(upload).map((part) => [part.partNumber, found.etag]))
}

/** A new upload in the place of whatever there was. */
export async function renewUpload(ctx: TraitRouteContext): Promise<RouteResult> {
  const manager = managerOf(ctx)
  const undo: (() => unknown)[] = []
  try {
    const upload = await ctx.operate('upload', async ({ row, trx, enqueue }) => {
      if (row['ready'] === true)
        throw new BiodmError('conflict', 'The file is complete: new content needs a release.')
      const before = await findUpload(trx, ctx.resource, ctx.key, true)
      if (before !== null) {
        await removeUpload(trx, before.id)
        await enqueueDiscard(enqueue, [discardedUpload(manager, before)])
      }
      // a key of its own: what the old upload may still write must not meet the new one
      const fresh = { key_salt: randomUUID(), emitted_at: new Date().toISOString() }
      await trx(ctx.resource.table).where(ctx.key).update(fresh)
      const scope = { trx, onRollback: (effect: () => unknown) => undo.push(effect) }
      const rows = [{ key: ctx.key, row: { ...row, ...fresh } }]
      const [made] = await offerUploads(manager, ctx.resource, scope, rows)
      if (made === undefined) throw new TypeError('no upload was made')
      return made
    })
    return { status: 201, headers: NO_STORE, body: await view(ctx, upload, new Map()) }
  } catch (error) {
    for (const effect of undo)
      await Promise.resolve(effect()).catch((cause) => ctx.log.warn({ err: cause }, 'undo'))
    throw error
  }
}

/** Cancels: what has arrived is removed after the commit. */
export async function cancelUpload(ctx: TraitRouteContext): Promise<RouteResult> {
  await ctx.operate('upload', async ({ trx, enqueue }) => {
    const upload = await findUpload(trx, ctx.resource, ctx.key, true)
    if (upload === null) throw gone()
    await removeUpload(trx, upload.id)
    await enqueueDiscard(enqueue, [discardedUpload(managerOf(ctx), upload)])
  })
  return { status: 204 }
}

async function view(
  ctx: TraitRouteContext,
  upload: Upload,
  etags: ReadonlyMap<number, string>,
): Promise<UploadView> {
  const path = ctx.resource.formatKey(ctx.key)
  const [shown] = await viewUploads(managerOf(ctx), ctx.resource, [{ upload, path, etags }])
  if (shown === undefined) throw new TypeError('nothing to show')
  return shown
}
