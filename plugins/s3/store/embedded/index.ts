/**
 * `ObjectStore` on a local folder, served by the same server under `/_objects` (routes.ts). What a client sees is the same as
 * with a bucket.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FormRequest, ObjectStore } from '../store.js'
import { ensureFolder, onDisk, orNull } from './files.js'
import { copyObject, deleteObject, headObject, listPending, type Place, sweepPending } from './objects.js'
import {
  abortUpload,
  completeUpload,
  createUpload,
  listStoredParts,
  listUploads,
  readUpload,
  sweepUploads,
} from './uploads.js'
import { expiry, type Field, signPolicy, signUrl } from './urls.js'

export const OBJECTS_PATH = '/_objects'

export interface EmbeddedOptions {
  /** Absolute. Made when it is missing. */
  readonly dir: string
  readonly pendingPrefix: string
  /** Address that clients reach the server at, without a trailing slash. */
  url(): string
  /** Key of the signatures: the same in every process that serves this folder. */
  secret(): Promise<Uint8Array>
}

/** What the routes need beyond the interface. */
export interface EmbeddedStore extends ObjectStore {
  readonly place: Place
  readonly options: EmbeddedOptions
}

/** Leftovers of interrupted writes are removed once they are this old. */
const LEFTOVER_MS = 24 * 3_600_000

export function openEmbedded(options: EmbeddedOptions): EmbeddedStore {
  const place: Place = Object.freeze({
    root: options.dir,
    tmp: join(options.dir, 'tmp'),
    pendingPrefix: options.pendingPrefix,
  })
  const address = (path: string): string => `${options.url()}${OBJECTS_PATH}${path}`
  const ready = once(() => ensureFolder(place.tmp))

  return Object.freeze<EmbeddedStore>({
    place,
    options,
    check: () => onDisk(ready),

    async signForms(forms, expiresInSeconds) {
      const secret = await options.secret()
      const url = address('')
      const expires = expiry(expiresInSeconds, Date.now())
      return forms.map((form) => ({
        url,
        fields: signPolicy(secret, fieldsOf(form), form.size, expires),
      }))
    },
    async signPart(part) {
      return signUrl(await options.secret(), address('/part'), 'part', {
        key: part.key,
        upload: part.uploadId,
        part: String(part.partNumber),
        size: String(part.size),
        expires: expiry(part.expiresInSeconds, Date.now()),
      })
    },
    async signDownload(download) {
      return signUrl(await options.secret(), address('/object'), 'download', {
        key: download.key,
        disposition: download.disposition,
        type: download.contentType,
        expires: expiry(download.expiresInSeconds, Date.now()),
      })
    },

    createMultipart: (key, contentType, mark) =>
      onDisk(async () => {
        await ready()
        return await createUpload(place, key, contentType, mark)
      }),
    listParts: (key, id) =>
      onDisk(async () => {
        const parts = await listStoredParts(place, key, id)
        return parts?.map(({ partNumber, etag, size }) => ({ partNumber, etag, size })) ?? null
      }),
    completeMultipart: (key, id, parts) => onDisk(() => completeUpload(place, key, id, parts)),
    abortMultipart: (key, id) => onDisk(() => abortUpload(place, key, id)),

    head: (key) => onDisk(() => headObject(place, key)),
    copy: (copy) => onDisk(() => copyObject(place, copy)),
    delete: (key) => onDisk(() => deleteObject(place, key)),

    listUploads: (prefix) => listUploads(place, prefix),
    listObjects: (prefix) => listPending(place, prefix),
    async sweep() {
      const before = Date.now() - LEFTOVER_MS
      await sweepTemporary(place, before)
      await sweepUploads(place, before)
      await sweepPending(place, before)
    },
    async close() {},
  })
}

/** Makes sure that the folder is there before bytes arrive. */
export async function prepare(store: EmbeddedStore): Promise<void> {
  await store.check()
}

export async function uploadExists(store: EmbeddedStore, key: string, id: string): Promise<boolean> {
  return (await readUpload(store.place, key, id)) !== null
}

/** Those that S3's own forms have too, in the order of their names. */
function fieldsOf({ contentType, key, redirect, sha256 }: FormRequest): readonly Field[] {
  const fields = [
    { name: 'Content-Type', value: contentType },
    { name: 'key', value: key },
    { name: 'success_action_redirect', value: redirect },
  ]
  if (sha256 !== null)
    fields.push({ name: 'x-amz-checksum-sha256', value: Buffer.from(sha256, 'hex').toString('base64') })
  return fields
}

async function sweepTemporary(place: Place, before: number): Promise<void> {
  for (const name of (await orNull(readdir(place.tmp))) ?? []) {
    const path = join(place.tmp, name)
    const found = await orNull(stat(path))
    if (found !== null && found.mtimeMs < before) await rm(path, { recursive: true, force: true })
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return async () => {
    done ??= run().catch((error: unknown) => {
      done = undefined
      throw error
    })
    await done
  }
}
