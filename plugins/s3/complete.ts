/** `download`, `post_success` and `complete`: what a client does with a file's content once it is, or says it is, there. */
import { BiodmError, type RouteResult, type TraitAdmitContext, type TraitRouteContext } from 'biodm'
import { discardedUpload, enqueueDiscard } from './discard.js'
import { type FileManager, fromStore, managerOf } from './manager.js'
import { contentDisposition, downloadName } from './names.js'
import { DEFAULT_TYPE } from './offer.js'
import { checkParts, readParts } from './parts.js'
import { gone, isRight, madeObject, settle } from './settle.js'
import type { CompletedPart, ObjectHead } from './store/store.js'
import { verifyCallback } from './tokens.js'
import { findUpload, removeUpload, type Upload } from './uploads.js'
import { callbackFile } from './view.js'

/** A browser comes to the callback from the bucket, with `Origin: null`. */
const ANY_ORIGIN = Object.freeze({ 'Access-Control-Allow-Origin': '*' })

/** GET /{id}/download: counts once, and sends the client to a signed address. */
export async function download(ctx: TraitRouteContext): Promise<RouteResult> {
  const manager = managerOf(ctx)
  const redirect = wantsRedirect(ctx.query)
  requireReady(ctx)
  const { row } = ctx
  const url = await manager.store.signDownload({
    key: String(row['object_key']),
    versionId: typeof row['object_version'] === 'string' ? row['object_version'] : null,
    disposition: contentDisposition(downloadName(row)),
    contentType: typeof row['content_type'] === 'string' ? row['content_type'] : DEFAULT_TYPE,
    expiresInSeconds: Math.max(1, Math.floor(manager.settings.urlExpirationMs / 1000)),
  })
  if (ctx.method !== 'HEAD')
    await ctx.operate('download', async ({ trx }) => {
      await trx(ctx.resource.table).where(ctx.key).increment('dl_count', 1)
    })
  const headers = { 'Cache-Control': 'no-store' }
  return redirect
    ? { status: 307, headers: { ...headers, Location: url } }
    : { status: 200, headers, body: { url } }
}

function wantsRedirect(query: URLSearchParams): boolean {
  const value = (query.get('redirect') ?? 'true').toLowerCase()
  if (value === 'true' || value === 'false') return value === 'true'
  throw new BiodmError('invalid_query', 'redirect is true or false.', {
    errors: [{ parameter: 'redirect', message: 'must be true or false' }],
  })
}

function requireReady(ctx: TraitRouteContext): void {
  if (ctx.row['ready'] !== true)
    throw new BiodmError('file_not_uploaded', 'The content of this file has not been uploaded yet.')
}

/** Whoever has no token for this file learns nothing about it. */
export function admitCallback(ctx: TraitAdmitContext): void {
  claimsOf(ctx)
}

function claimsOf({ managers, resource, key, query }: TraitAdmitContext): { readonly upload: string } {
  const file = callbackFile(resource, resource.formatKey(key))
  const claims = verifyCallback(managerOf({ managers }).secret, file, query.get('token') ?? '', Date.now())
  if (claims !== null) return claims
  throw new BiodmError('forbidden', 'The token of this callback is not valid.', { headers: ANY_ORIGIN })
}

/** GET /{id}/post_success: the callback that a form's redirect names; whoever has the token may call it. */
export async function postSuccess(ctx: TraitRouteContext): Promise<RouteResult> {
  try {
    await takeCallback(ctx)
    return {
      status: 201,
      headers: { ...ANY_ORIGIN, 'Content-Type': 'text/plain; charset=utf-8' },
      body: 'Uploaded.',
    }
  } catch (error) {
    if (!(error instanceof BiodmError)) throw error
    const { code, message, errors, headers, cause } = error
    throw new BiodmError(code, message, { errors, headers: { ...headers, ...ANY_ORIGIN }, cause })
  }
}

async function takeCallback(ctx: TraitRouteContext): Promise<void> {
  const claims = claimsOf(ctx)
  if (ctx.row['ready'] === true) return
  const upload = await currentUpload(ctx)
  if (upload.id !== claims.upload || upload.store_id !== null) throw gone()
  await finish(ctx, upload, null)
}

/** PUT /{id}/complete: with the list of parts, or without a body for a form whose redirect was not followed. */
export async function complete(ctx: TraitRouteContext): Promise<RouteResult> {
  if (ctx.row['ready'] !== true) {
    const manager = managerOf(ctx)
    const upload = await currentUpload(ctx)
    await finish(ctx, upload, upload.store_id === null ? null : await partsOf(manager, upload, ctx.body))
  }
  return { status: 201, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'Completed.' }
}

/** Null when the object is there already: an earlier completion whose answer was lost. */
async function partsOf(
  manager: FileManager,
  upload: Upload,
  body: unknown,
): Promise<readonly CompletedPart[]> {
  const claimed = readParts(body)
  const stored = await fromStore(() => manager.store.listParts(upload.object_key, upload.store_id ?? ''))
  if (stored !== null) return checkParts(body, upload, stored)
  const found = await fromStore(() => madeObject(manager, upload))
  if (found === null || found.size !== upload.size) throw gone()
  return claimed
}

/** An upload that has not expired. */
export async function currentUpload(ctx: TraitRouteContext): Promise<Upload> {
  const upload = await ctx.transaction(({ trx }) => findUpload(trx, ctx.resource, ctx.key))
  const { pendingExpirationMs } = managerOf(ctx).settings
  if (upload === null || upload.started_ms + pendingExpirationMs <= Date.now()) throw gone()
  return upload
}

/** The store's part, then ours: both may be done by several at once, one of them marks the file. */
async function finish(
  ctx: TraitRouteContext,
  upload: Upload,
  parts: readonly CompletedPart[] | null,
): Promise<void> {
  const manager = managerOf(ctx)
  const found = await settle(manager, upload, parts)
  const outcome = await ctx.operate('complete', async ({ row, trx, enqueue }) => {
    if (row['ready'] === true) return 'ready'
    const current = await findUpload(trx, ctx.resource, ctx.key, true)
    if (current === null || current.id !== upload.id) {
      // cancelled or expired in the meantime: what has just been made belongs to nobody
      await enqueueDiscard(enqueue, [discardedUpload(manager, upload)])
      return 'gone'
    }
    await trx(ctx.resource.table).where(ctx.key).update(readyFile(upload, found))
    await removeUpload(trx, upload.id)
    const { pending } = discardedUpload(manager, upload)
    if (pending !== null) await enqueueDiscard(enqueue, [discardedUpload(manager, upload)])
    return 'ready'
  })
  if (outcome === 'gone') throw gone()
}

function readyFile(upload: Upload, found: ObjectHead): Readonly<Record<string, unknown>> {
  if (!isRight(found, upload)) throw new TypeError('an unverified object')
  return {
    ready: true,
    validated_at: new Date().toISOString(),
    object_key: upload.object_key,
    object_version: found.versionId,
  }
}
