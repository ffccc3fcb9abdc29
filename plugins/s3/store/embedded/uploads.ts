/**
 * Multipart uploads on disk: `uploads/<id>/` holds `upload.json`, the parts' bytes `c-<uuid>` and for each part a
 * `p-<number>.json` that names them. Completing links the bytes into the object, however large, and drops the folder.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type CompletedPart, type StoredPart, StoreError, type UploadEntry } from '../store.js'
import {
  discard,
  ensureFolder,
  type Incoming,
  isAbsent,
  orNull,
  readJson,
  removeFolder,
  writeJson,
} from './files.js'
import { etagOf, linkObject, type Place } from './objects.js'

export interface UploadFacts {
  readonly key: string
  readonly contentType: string
  readonly mark: string
  readonly started: number
}
interface PartFacts extends StoredPart {
  readonly file: string
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export async function createUpload(
  place: Place,
  key: string,
  contentType: string,
  mark: string,
): Promise<string> {
  const id = randomUUID()
  const folder = folderOf(place, id)
  await ensureFolder(folder)
  const facts: UploadFacts = { key, contentType, mark, started: Date.now() }
  await writeJson(join(folder, 'upload.json'), place.tmp, facts)
  return id
}

/** Null: no such upload of this key. */
export async function readUpload(place: Place, key: string, id: string): Promise<UploadFacts | null> {
  if (!ID.test(id)) return null
  const facts = await readJson<UploadFacts>(join(folderOf(place, id), 'upload.json'))
  return facts?.key === key ? facts : null
}

/** The part takes the place of an earlier one of that number. */
export async function putPart(
  place: Place,
  upload: { readonly key: string; readonly uploadId: string },
  partNumber: number,
  incoming: Incoming,
): Promise<string> {
  const folder = folderOf(place, upload.uploadId)
  const name = join(folder, `p-${partNumber}.json`)
  const etag = etagOf(incoming.sha256)
  try {
    if ((await readUpload(place, upload.key, upload.uploadId)) === null)
      throw new StoreError('missing', `no upload ${upload.uploadId}`)
    const before = await readJson<PartFacts>(name)
    const file = `c-${randomUUID()}`
    await rename(incoming.path, join(folder, file))
    const facts: PartFacts = { partNumber, etag, size: incoming.size, file }
    await writeJson(name, place.tmp, facts)
    if (before !== null) await discard(join(folder, before.file))
  } catch (error) {
    await discard(incoming.path)
    if (isAbsent(error)) throw new StoreError('missing', `no upload ${upload.uploadId}`, error)
    throw error
  }
  return etag
}

/** Null: no such upload, looked at last, since one that ends takes its parts with it. */
export async function listStoredParts(
  place: Place,
  key: string,
  id: string,
): Promise<readonly PartFacts[] | null> {
  if (!ID.test(id)) return null
  const folder = folderOf(place, id)
  const names = ((await orNull(readdir(folder))) ?? []).filter((name) => name.startsWith('p-'))
  const parts = await Promise.all(names.map((name) => readJson<PartFacts>(join(folder, name))))
  if ((await readUpload(place, key, id)) === null) return null
  return parts.filter((part) => part !== null).sort((a, b) => a.partNumber - b.partNumber)
}

export async function completeUpload(
  place: Place,
  key: string,
  id: string,
  parts: readonly CompletedPart[],
): Promise<void> {
  const upload = await readUpload(place, key, id)
  const stored = await listStoredParts(place, key, id)
  if (upload === null || stored === null) throw new StoreError('missing', `no upload ${id}`)
  const byNumber = new Map(stored.map((part) => [part.partNumber, part]))
  const chosen = parts.map(({ partNumber, etag }, index) => {
    const part = byNumber.get(partNumber)
    const inOrder = index === 0 || (parts[index - 1]?.partNumber ?? 0) < partNumber
    if (part === undefined || part.etag !== etag || !inOrder)
      throw new StoreError('refused', `part ${partNumber} is missing, different or out of order`)
    return part
  })
  if (chosen.length === 0) throw new StoreError('refused', 'no parts')
  const folder = folderOf(place, id)
  const etags = createHash('sha256')
    .update(chosen.map((part) => part.etag).join())
    .digest('hex')
  try {
    await linkObject(
      place,
      {
        key,
        contentType: upload.contentType,
        size: chosen.reduce((sum, part) => sum + part.size, 0),
        etag: `${etagOf(etags)}-${chosen.length}`,
        sha256: null,
        mark: upload.mark,
      },
      chosen.map((part) => ({ path: join(folder, part.file), size: part.size })),
    )
  } catch (error) {
    if (isAbsent(error)) throw new StoreError('missing', `no upload ${id}`, error)
    throw error
  }
  await removeFolder(folder, place.tmp)
}

export async function abortUpload(place: Place, key: string, id: string): Promise<void> {
  if ((await readUpload(place, key, id)) !== null) await removeFolder(folderOf(place, id), place.tmp)
}

export async function* listUploads(place: Place, prefix: string): AsyncIterable<UploadEntry> {
  for (const uploadId of (await orNull(readdir(join(place.root, 'uploads')))) ?? []) {
    const facts = await readJson<UploadFacts>(join(folderOf(place, uploadId), 'upload.json'))
    if (facts?.key.startsWith(prefix) === true)
      yield { key: facts.key, uploadId, startedAt: new Date(facts.started) }
  }
}

/** Folders of uploads that were never completely made. */
export async function sweepUploads(place: Place, before: number): Promise<void> {
  for (const id of (await orNull(readdir(join(place.root, 'uploads')))) ?? []) {
    const folder = folderOf(place, id)
    if ((await readJson(join(folder, 'upload.json'))) !== null) continue
    const found = await orNull(stat(folder))
    if (found !== null && found.mtimeMs < before) await removeFolder(folder, place.tmp)
  }
}

const folderOf = (place: Place, id: string): string => join(place.root, 'uploads', id)
