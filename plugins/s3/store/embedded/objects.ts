/**
 * Objects on disk. A key's folder is named by its hash and holds the chunks and one `meta.json` that names them: replacing
 * that file is what makes, replaces or copies an object, so a reader sees the old one or the new one.
 *
 *   objects/<2 hex>/<64 hex>/meta.json, c-<uuid>…      pending/…  the same, for keys that the janitor has to list
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type CopyRequest, type ObjectEntry, type ObjectHead, StoreError } from '../store.js'
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

export interface Chunk {
  readonly file: string
  readonly size: number
}
export interface Meta {
  readonly key: string
  readonly contentType: string
  readonly chunks: readonly Chunk[]
  readonly size: number
  readonly etag: string
  readonly sha256: string | null
  readonly mark: string | null
  readonly modified: number
}
export interface Place {
  readonly root: string
  readonly tmp: string
  /** Keys under it live in a folder of their own, so that listing them does not walk everything. */
  readonly pendingPrefix: string
}

/** What a crash left in a folder is removed once it is this old. */
const STRAY_MS = 3_600_000
/** Of a write whose folder is deleted under it again and again. */
const LINK_ATTEMPTS = 10

export const etagOf = (sha256: string): string => sha256.slice(0, 32)

export function folderOf(place: Place, key: string): string {
  const hash = createHash('sha256').update(key).digest('hex')
  const area = key.startsWith(place.pendingPrefix) ? 'pending' : 'objects'
  return join(place.root, area, hash.slice(0, 2), hash)
}

export async function readMeta(place: Place, key: string): Promise<Meta | null> {
  return await readJson<Meta>(join(folderOf(place, key), 'meta.json'))
}

export async function headObject(place: Place, key: string): Promise<ObjectHead | null> {
  const meta = await readMeta(place, key)
  if (meta === null) return null
  const { size, etag, sha256, mark } = meta
  return { size, etag, sha256, versionId: null, mark }
}

/** A form's bytes become the object; the temporary file stays the caller's to remove. */
export async function putObject(
  place: Place,
  key: string,
  contentType: string,
  incoming: Incoming,
): Promise<Meta> {
  const { sha256, size } = incoming
  const facts = { key, contentType, size, sha256, etag: etagOf(sha256), mark: null }
  return await linkObject(place, facts, [{ path: incoming.path, size }])
}

/** `chunks`: complete paths of files that stay where they are; the object gets links of its own. */
export async function linkObject(
  place: Place,
  facts: Omit<Meta, 'chunks' | 'modified'>,
  chunks: readonly { readonly path: string; readonly size: number }[],
): Promise<Meta> {
  const folder = folderOf(place, facts.key)
  for (let attempt = 1; ; attempt++) {
    try {
      await ensureFolder(folder)
      const before = await readMeta(place, facts.key)
      const meta: Meta = { ...facts, chunks: await linkChunks(folder, chunks), modified: Date.now() }
      await writeJson(join(folder, 'meta.json'), place.tmp, meta)
      await removeChunks(folder, before, meta)
      return meta
    } catch (error) {
      // somebody deleted the object meanwhile, and the folder with it: this one comes after
      if (!isAbsent(error) || attempt === LINK_ATTEMPTS) throw error
    }
  }
}

async function linkChunks(
  folder: string,
  chunks: readonly { readonly path: string; readonly size: number }[],
): Promise<readonly Chunk[]> {
  const linked: Chunk[] = []
  for (const { path, size } of chunks) {
    const file = `c-${randomUUID()}`
    await link(path, join(folder, file))
    linked.push({ file, size })
  }
  return linked
}

export async function copyObject(place: Place, copy: CopyRequest): Promise<void> {
  const meta = await readMeta(place, copy.from)
  if (meta === null) throw new StoreError('missing', `no object ${copy.from}`)
  if (meta.etag !== copy.ifMatch) throw new StoreError('changed', `${copy.from} was replaced`)
  const folder = folderOf(place, copy.from)
  const sha256 = copy.checksum ? (meta.sha256 ?? (await hashObject(place, meta))) : meta.sha256
  try {
    await linkObject(
      place,
      { ...meta, key: copy.to, contentType: copy.contentType, sha256, mark: copy.mark },
      meta.chunks.map(({ file, size }) => ({ path: join(folder, file), size })),
    )
  } catch (error) {
    if (isAbsent(error)) throw new StoreError('changed', `${copy.from} was replaced`, error)
    throw error
  }
}

export async function deleteObject(place: Place, key: string): Promise<void> {
  await removeFolder(folderOf(place, key), place.tmp)
}

/** The bytes `start`…`end`, both included. */
export async function* readObject(
  place: Place,
  meta: Meta,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  const folder = folderOf(place, meta.key)
  let offset = 0
  for (const { file, size } of meta.chunks) {
    const from = Math.max(start - offset, 0)
    const to = Math.min(end - offset, size - 1)
    if (size > 0 && from <= to) yield* createReadStream(join(folder, file), { start: from, end: to })
    offset += size
  }
}

async function hashObject(place: Place, meta: Meta): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of readObject(place, meta, 0, meta.size - 1)) hash.update(bytes)
  return hash.digest('hex')
}

/** Only keys under the pending prefix are ever listed. */
export async function* listPending(place: Place, prefix: string): AsyncIterable<ObjectEntry> {
  for await (const folder of keyFolders(join(place.root, 'pending'))) {
    const meta = await readJson<Meta>(join(folder, 'meta.json'))
    if (meta?.key.startsWith(prefix) === true) yield { key: meta.key, modifiedAt: new Date(meta.modified) }
  }
}

/** Folders of interrupted writes that never became an object. */
export async function sweepPending(place: Place, before: number): Promise<void> {
  for await (const folder of keyFolders(join(place.root, 'pending'))) {
    if ((await readJson<Meta>(join(folder, 'meta.json'))) !== null) continue
    const found = await orNull(stat(folder))
    if (found !== null && found.mtimeMs < before) await rm(folder, { recursive: true, force: true })
  }
}

async function* keyFolders(area: string): AsyncIterable<string> {
  for (const shard of (await orNull(readdir(area))) ?? []) {
    for (const name of (await orNull(readdir(join(area, shard)))) ?? []) yield join(area, shard, name)
  }
}

/** The chunks that were replaced, and those that a crash left long ago. */
async function removeChunks(folder: string, before: Meta | null, after: Meta): Promise<void> {
  const used = new Set(after.chunks.map((chunk) => chunk.file))
  const replaced = new Set(before?.chunks.map((chunk) => chunk.file))
  for (const file of (await orNull(readdir(folder))) ?? []) {
    if (!file.startsWith('c-') || used.has(file)) continue
    const path = join(folder, file)
    const old = replaced.has(file) || ((await orNull(stat(path)))?.ctimeMs ?? 0) < Date.now() - STRAY_MS
    if (old) await discard(path)
  }
}
