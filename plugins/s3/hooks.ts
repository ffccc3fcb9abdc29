/** The hooks of `s3.file`, each on all rows of its level at once. */
import { randomUUID } from 'node:crypto'
import { BiodmError, type Hook, type PostfixContext, type PostfixItem } from 'biodm'
import type { Knex } from 'knex'
import { check, checkRelease, contentProblems, refuse } from './check.js'
import { type Discarded, discardedUpload, enqueueDiscard } from './discard.js'
import { matchKeys } from './key-values.js'
import { type FileManager, factsOf, managerOf } from './manager.js'
import { offerUploads } from './offer.js'
import { chunks, fileKey, findUploads, removeUploads, type Upload } from './uploads.js'
import { type Shown, uploadTexts } from './view.js'

export const HOOKS: Readonly<Record<string, Hook>> = Object.freeze({
  check: { stage: 'prefix', description: 'names, size and checksum can be accepted', run: check },
  checkRelease: { stage: 'prefix', description: 'a release brings new content', run: checkRelease },
  offer: { stage: 'postfix', description: 'makes the uploads of new files', run: offer },
  offerAnew: { stage: 'postfix', description: 'a released file waits for its content', run: offerAnew },
  keepContent: { stage: 'postfix', description: 'content changes by a release only', run: keepContent },
  share: { stage: 'postfix', description: 'a clone shares the object of a complete file', run: share },
  discard: { stage: 'postfix', description: 'the object goes with its last row', run: discardFiles },
  show: { stage: 'postfix', description: 'signs uploads where the answer may have them', run: show },
})

async function offer(ctx: PostfixContext): Promise<void> {
  await offerItems(ctx, ctx.items)
}

async function offerItems(ctx: PostfixContext, items: readonly PostfixItem[]): Promise<void> {
  const manager = managerOf(ctx)
  const facts = factsOf(manager, ctx.resource)
  const uploads = await offerUploads(manager, facts, ctx, items)
  const known = manager.made.get(ctx.trx) ?? new Map<string, Upload>()
  for (const upload of uploads) known.set(`${upload.resource} ${upload.file_key}`, upload)
  manager.made.set(ctx.trx, known)
}

/** The new version has a key of its own even where the template does not name the version. */
async function offerAnew(ctx: PostfixContext): Promise<void> {
  const facts = factsOf(managerOf(ctx), ctx.resource)
  for (const item of ctx.items) {
    const fresh = {
      ready: false,
      dl_count: 0,
      emitted_at: new Date().toISOString(),
      validated_at: null,
      key_salt: randomUUID(),
      object_key: null,
      object_version: null,
    }
    await ctx.trx(facts.table).where(item.key).update(fresh)
    Object.assign(item.row, fresh)
  }
  await offerItems(ctx, ctx.items)
}

function keepContent(ctx: PostfixContext): void {
  for (const item of ctx.items) if (item.stored !== null) refuse(contentProblems(item.row, item.stored, ''))
}

/** A release is complete: what has not been uploaded cannot be part of it. */
async function share(ctx: PostfixContext): Promise<void> {
  const facts = factsOf(managerOf(ctx), ctx.resource)
  const sources = ctx.items.flatMap(({ stored }) => (stored === null ? [] : [stored]))
  const pending = sources.find((source) => source['ready'] !== true)
  if (pending !== undefined)
    throw new BiodmError(
      'file_not_uploaded',
      `${ctx.resource} ${facts.formatKey(pending)} has not been uploaded: a release needs all its files.`,
    )
  await holdRows(ctx.trx, managerOf(ctx), ctx.resource, sources)
}

/** Keeps the copied rows until the commit, so that their object cannot be discarded before the clone counts. */
async function holdRows(
  trx: Knex,
  manager: FileManager,
  resource: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const facts = factsOf(manager, resource)
  for (const some of chunks(rows)) {
    const query = trx({ f: facts.table }).select('f.ready').forUpdate()
    matchKeys(query, facts, some)
    const held: unknown[] = await query
    if (held.length < some.length)
      throw new BiodmError('conflict', 'A file was deleted while it was being released. Try again.')
  }
}

async function discardFiles(ctx: PostfixContext): Promise<void> {
  const manager = managerOf(ctx)
  const facts = factsOf(manager, ctx.resource)
  const uploads = await findUploads(
    ctx.trx,
    facts,
    ctx.items.map(({ key }) => key),
  )
  await removeUploads(
    ctx.trx,
    uploads.map(({ id }) => id),
  )
  const objects = ctx.items.flatMap(({ row }): Discarded[] =>
    typeof row['object_key'] === 'string' ? [{ key: row['object_key'], pending: null, storeId: null }] : [],
  )
  const discarded = [...objects, ...uploads.map((upload) => discardedUpload(manager, upload))]
  await enqueueDiscard(ctx.enqueue, discarded)
}

/** Fills `upload` where the answer shows it; every other answer keeps null and costs nothing. */
async function show(ctx: PostfixContext): Promise<void> {
  const { answer } = ctx
  if (answer === null || !isShown(answer.to, answer.fields)) return
  const manager = managerOf(ctx)
  const facts = factsOf(manager, ctx.resource)
  const here = manager.made.get(ctx.trx)
  const fresh = ctx.items.map(({ key }) => here?.get(`${facts.name} ${fileKey(facts, key)}`))
  const stored = await visibleUploads(ctx, fresh)
  const shown = ctx.items.map(({ key }, index): Shown | null => {
    const upload = fresh[index] ?? stored.get(fileKey(facts, key))
    return upload === undefined ? null : { upload, path: facts.formatKey(key) }
  })
  const there = shown.filter((one) => one !== null)
  const views = await uploadTexts(manager, facts, there)
  let next = 0
  ctx.items.forEach(({ row }, index) => {
    row['upload'] = shown[index] === null ? null : (views[next++] ?? null)
  })
}

/** Answers of `POST`, of a release and of a single read have it by default, lists when they are asked. */
function isShown(to: string, fields: readonly string[] | null): boolean {
  if (fields !== null)
    return to !== 'update' && fields.some((path) => path === 'upload' || path.startsWith('upload.'))
  return to === 'read' || to === 'create' || to === 'release'
}

/** Of rows that were there before: for whoever may write them, and while they have not expired. */
async function visibleUploads(
  ctx: PostfixContext,
  fresh: readonly (Upload | undefined)[],
): Promise<ReadonlyMap<string, Upload>> {
  const items = ctx.items.filter((_, index) => fresh[index] === undefined)
  if (items.length === 0) return new Map()
  const manager = managerOf(ctx)
  const facts = factsOf(manager, ctx.resource)
  const uploads = await findUploads(
    ctx.trx,
    facts,
    items.map(({ key }) => key),
  )
  if (uploads.length === 0) return new Map()
  const may = (await ctx.answer?.may('update')) ?? []
  const allowed = new Set(
    ctx.items.filter((_, index) => may[index] === true).map(({ key }) => fileKey(facts, key)),
  )
  const oldest = Date.now() - manager.settings.pendingExpirationMs
  return new Map(
    uploads
      .filter((upload) => allowed.has(upload.file_key) && upload.started_ms > oldest)
      .map((upload) => [upload.file_key, upload]),
  )
}
