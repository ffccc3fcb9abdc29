/** Makes uploads: renders keys, begins multipart uploads in the store, writes the rows. In the request's transaction. */
import { BiodmError, type ResourceFacts } from 'biodm'
import type { Knex } from 'knex'
import { timedIds } from './ids.js'
import { type KeyedRow, keyValues } from './key-values.js'
import { partSizeOf, renderKey } from './keys.js'
import { type FileManager, fromStore } from './manager.js'
import { StoreError } from './store/store.js'
import { chunks, existing, fileKey, insertUploads, type Upload } from './uploads.js'

export const DEFAULT_TYPE = 'application/octet-stream'
/** All the time that the store has while a transaction waits. */
const STORE_MS = 5_000

export interface OfferScope {
  readonly trx: Knex
  onRollback(undo: () => unknown): void
}

/** Uploads for rows that have none, in their order. Nothing exists in the store yet when a key is refused. */
export async function offerUploads(
  manager: FileManager,
  facts: ResourceFacts,
  scope: OfferScope,
  rows: readonly KeyedRow[],
): Promise<readonly Upload[]> {
  const keys = await renderKeys(manager, facts, scope.trx, rows)
  const started = Date.now()
  const ids = timedIds(rows.length, started)
  const salted = isSalted(manager, facts)
  const planned = rows.map(({ key, row }, index): Upload => {
    const size = Number(row['size'])
    const object_key = keys[index] ?? ''
    return {
      id: ids[index] ?? '',
      resource: facts.name,
      file_key: fileKey(facts, key),
      object_key,
      shared_key: salted ? null : object_key,
      size,
      content_type: typeof row['content_type'] === 'string' ? row['content_type'] : DEFAULT_TYPE,
      sha256: typeof row['sha256'] === 'string' ? row['sha256'] : null,
      part_size: partSizeOf(size, manager.settings.multipart),
      store_id: null,
      pinned_etag: null,
      started_ms: started,
    }
  })
  if (!salted) await refuseTakenKeys(manager, scope.trx, keys)
  const uploads = await beginMultipart(manager, scope, planned)
  await insertUploads(scope.trx, uploads)
  return uploads
}

async function renderKeys(
  manager: FileManager,
  facts: ResourceFacts,
  trx: Knex,
  rows: readonly KeyedRow[],
): Promise<readonly string[]> {
  const pieces = manager.template(facts)
  const values = await keyValues(manager, facts, trx, pieces, rows)
  return values.map((one) => {
    try {
      return renderKey(pieces, one, manager.settings.prefix, facts.primaryKey)
    } catch (error) {
      if (error instanceof RangeError)
        throw new BiodmError('invalid_body', `The names are too long: ${error.message}.`)
      throw error
    }
  })
}

/** A salt, which every upload has anew, makes keys unique. */
const isSalted = (manager: FileManager, facts: ResourceFacts): boolean =>
  manager.template(facts).some((piece) => piece.kind === 'value' && piece.name === 'key_salt')

/** Without a salt, names around the primary key might still meet. */
async function refuseTakenKeys(manager: FileManager, trx: Knex, keys: readonly string[]): Promise<void> {
  const taken = await usedKeys(manager, trx, keys)
  if (taken.size > 0 || new Set(keys).size < keys.length)
    throw new BiodmError(
      'conflict',
      'Another file has the same place in the store. Use {key_salt} in the key template.',
    )
}

/**
 * Those of `keys` that a file names, or an upload but the one that had a salted key and has gone. Uploads first: a completion
 * moves a key from there to the file.
 */
export async function usedKeys(
  manager: FileManager,
  trx: Knex,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  const used = new Set(await existing(trx, 'shared_key', keys))
  for (const facts of manager.fileResources()) {
    for (const some of chunks(keys)) {
      const rows: { object_key: string }[] = await trx(facts.table)
        .select('object_key')
        .whereIn('object_key', some)
      for (const row of rows) used.add(row.object_key)
    }
  }
  return used
}

async function beginMultipart(
  manager: FileManager,
  scope: OfferScope,
  planned: readonly Upload[],
): Promise<readonly Upload[]> {
  if (planned.every((upload) => upload.part_size === null)) return planned
  const deadline = Date.now() + STORE_MS
  const begun: { readonly key: string; readonly id: string }[] = []
  let over = false
  scope.onRollback(async () => {
    over = true
    await Promise.all(begun.map(({ key, id }) => manager.limit(() => manager.store.abortMultipart(key, id))))
  })
  const begin = async (upload: Upload): Promise<Upload> => {
    if (upload.part_size === null) return upload
    if (over || Date.now() > deadline) throw new StoreError('unavailable', 'no time left to begin uploads')
    const id = await manager.store.createMultipart(upload.object_key, upload.content_type, upload.id)
    begun.push({ key: upload.object_key, id })
    // the request may have given up in the meantime: nobody else would abort it before the janitor
    if (over) await manager.store.abortMultipart(upload.object_key, id)
    return { ...upload, store_id: id }
  }
  return await fromStore(() =>
    withinTime(STORE_MS, Promise.all(planned.map((upload) => manager.limit(() => begin(upload))))),
  )
}

async function withinTime<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError('unavailable', `the store took longer than ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
