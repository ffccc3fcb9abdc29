/**
 * From "the client says it is done" to an object at the file's key that is known to be right: the store's part of a
 * completion. Every step can be repeated, by this process or another, and after a crash at any point.
 */
import { BiodmError } from 'biodm'
import { type FileManager, fromStore, unavailable } from './manager.js'
import { type CompletedPart, type ObjectHead, StoreError } from './store/store.js'
import { pinEtag, type Upload } from './uploads.js'

/** A completion that takes longer goes on; the client is told to ask again. */
const PATIENCE_MS = 20_000

/** `parts`: what the client says, checked by parts.ts; null for a form. */
export async function settle(
  manager: FileManager,
  upload: Upload,
  parts: readonly CompletedPart[] | null,
): Promise<ObjectHead> {
  const running = manager.settling.get(upload.id) ?? start(manager, upload, parts)
  return await fromStore(() => patiently(running))
}

function start(
  manager: FileManager,
  upload: Upload,
  parts: readonly CompletedPart[] | null,
): Promise<ObjectHead> {
  const work = parts === null ? settleForm(manager, upload) : settleParts(manager, upload, parts)
  const shared = work.finally(() => manager.settling.delete(upload.id))
  shared.catch(() => {})
  manager.settling.set(upload.id, shared)
  return shared
}

async function patiently<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(unavailable(new StoreError('unavailable', 'the completion is still under way'))),
      PATIENCE_MS,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A form may be used again until it expires, so its object is copied to the file's key, which no form can write to. The
 * first ETag that a completion sees is pinned in the row: whatever arrives later is never copied.
 */
async function settleForm(manager: FileManager, upload: Upload): Promise<ObjectHead> {
  const { store } = manager
  const from = manager.pendingKey(upload.id, upload.object_key)
  const found = await store.head(from)
  if (found === null) return await taken(manager, upload, notUploaded())
  if (isWrong(found, upload)) {
    await store.delete(from)
    throw wrong(found, upload)
  }
  const etag = await manager.runtime.transaction(({ trx }) => pinEtag(trx, upload.id, found.etag))
  const replaced = new BiodmError(
    'file_not_uploaded',
    'The content was uploaded again while it was being taken over. Cancel this upload and make a new one.',
  )
  if (etag !== found.etag) return await taken(manager, upload, etag === null ? gone() : replaced)
  try {
    await store.copy({
      from,
      to: upload.object_key,
      ifMatch: etag,
      contentType: upload.content_type,
      checksum: upload.sha256 !== null,
      mark: upload.id,
    })
  } catch (error) {
    if (!(error instanceof StoreError) || error.failure === 'unavailable') throw error
    return await taken(manager, upload, replaced)
  }
  return await verified(manager, upload)
}

async function settleParts(
  manager: FileManager,
  upload: Upload,
  parts: readonly CompletedPart[],
): Promise<ObjectHead> {
  const { store } = manager
  const key = upload.object_key
  try {
    await store.completeMultipart(key, upload.store_id ?? '', parts)
  } catch (error) {
    // an answer may have been lost, or be an error inside a success: the object itself decides
    const found = await madeObject(manager, upload)
    if (found === null && error instanceof StoreError && error.failure === 'missing') throw gone()
    if (found === null || found.size !== upload.size) throw error
  }
  const found = await madeObject(manager, upload)
  if (found !== null && found.size === upload.size && upload.sha256 !== null && found.sha256 === null) {
    // S3 knows the SHA-256 of the whole only of a copy
    await store.copy({
      from: key,
      to: key,
      ifMatch: found.etag,
      contentType: upload.content_type,
      checksum: true,
      mark: upload.id,
    })
  }
  return await verified(manager, upload)
}

/** The object that an earlier attempt left at the file's key; without one, `otherwise` is thrown. */
async function taken(manager: FileManager, upload: Upload, otherwise: BiodmError): Promise<ObjectHead> {
  const found = await madeObject(manager, upload)
  if (found === null || !isRight(found, upload)) throw otherwise
  return found
}

/**
 * The object at the file's key, if this upload made it. A key without a salt may be that of a file which was deleted a moment
 * ago: its bytes are nobody's any more.
 */
export async function madeObject(manager: FileManager, upload: Upload): Promise<ObjectHead | null> {
  const found = await manager.store.head(upload.object_key)
  return found === null || (found.mark !== null && found.mark !== upload.id) ? null : found
}

/** After a copy or completion: the object must be there; a wrong one is removed. */
async function verified(manager: FileManager, upload: Upload): Promise<ObjectHead> {
  const found = await madeObject(manager, upload)
  if (found === null)
    throw new StoreError('unavailable', `${upload.object_key} is not there after its completion`)
  if (isWrong(found, upload)) {
    await manager.store.delete(upload.object_key)
    throw wrong(found, upload)
  }
  if (!isRight(found, upload)) throw new StoreError('unavailable', `${upload.object_key} has no checksum`)
  return found
}

/** Size and checksum are what was announced. */
export function isRight(found: ObjectHead, upload: Upload): boolean {
  return found.size === upload.size && (upload.sha256 === null || found.sha256 === upload.sha256)
}

/** They are surely not: an unknown checksum proves nothing. */
function isWrong(found: ObjectHead, upload: Upload): boolean {
  return (
    found.size !== upload.size ||
    (upload.sha256 !== null && found.sha256 !== null && found.sha256 !== upload.sha256)
  )
}

function wrong(found: ObjectHead, upload: Upload): BiodmError {
  const what =
    found.size === upload.size
      ? 'another SHA-256 than was announced'
      : `${found.size} bytes instead of ${upload.size}`
  return new BiodmError('file_not_uploaded', `The uploaded content has ${what}; it was removed.`)
}

const notUploaded = (): BiodmError =>
  new BiodmError('file_not_uploaded', 'The content of this file has not arrived in the store.')

/** Cancelled, expired, or known to nobody. */
export const gone = (): BiodmError =>
  new BiodmError('not_found', 'There is no such upload any more. Make a new one with POST …/upload.')
