/** An upload as clients see it: its parts, with signed addresses where the answer may have them. */
import type { ResourceFacts } from 'biodm'
import type { FileManager } from './manager.js'
import { signCallback } from './tokens.js'
import { type PlannedPart, plannedParts, type Upload } from './uploads.js'

export interface UploadView {
  readonly id: string
  readonly parts: readonly PartView[]
}
export interface PartView {
  readonly part_number: number
  readonly offset: number
  readonly size: number
  readonly method: 'POST' | 'PUT'
  /** Null: already there, or beyond the number of signatures of one answer. */
  readonly url: string | null
  readonly fields?: Readonly<Record<string, string>> | null
  readonly etag: string | null
}

/** Signatures in one answer. */
export const SIGNATURES = 1000

/** Counts down over all uploads of an answer. */
export interface Budget {
  left: number
}

/** `etags`: parts that the store has already, by number. */
export async function viewUpload(
  manager: FileManager,
  facts: ResourceFacts,
  path: string,
  upload: Upload,
  budget: Budget,
  etags: ReadonlyMap<number, string> = new Map(),
): Promise<UploadView> {
  const parts: PartView[] = []
  for (const part of plannedParts(upload)) {
    const etag = etags.get(part.partNumber) ?? null
    const sign = etag === null && budget.left > 0
    if (sign) budget.left--
    parts.push(
      upload.store_id === null
        ? await formView(manager, facts, path, upload, part, etag, sign)
        : await partView(manager, upload, part, etag, sign),
    )
  }
  return { id: upload.id, parts }
}

async function formView(
  manager: FileManager,
  facts: ResourceFacts,
  path: string,
  upload: Upload,
  part: PlannedPart,
  etag: string | null,
  sign: boolean,
): Promise<PartView> {
  const form = sign
    ? await manager.store.signForm({
        key: manager.pendingKey(upload.id, upload.object_key),
        size: upload.size,
        contentType: upload.content_type,
        sha256: upload.sha256,
        redirect: callbackUrl(manager, facts, path, upload),
        expiresInSeconds: seconds(manager),
      })
    : { url: null, fields: null }
  return { part_number: 1, offset: part.offset, size: part.size, method: 'POST', ...form, etag }
}

async function partView(
  manager: FileManager,
  upload: Upload,
  part: PlannedPart,
  etag: string | null,
  sign: boolean,
): Promise<PartView> {
  const { partNumber, offset, size } = part
  const uploadId = upload.store_id ?? ''
  const expiresInSeconds = seconds(manager)
  const url = sign
    ? await manager.store.signPart({ key: upload.object_key, uploadId, partNumber, size, expiresInSeconds })
    : null
  return { part_number: partNumber, offset, size, method: 'PUT', url, etag }
}

/** Good as long as the upload itself. */
function callbackUrl(manager: FileManager, facts: ResourceFacts, path: string, upload: Upload): string {
  const token = signCallback(manager.secret, {
    file: callbackFile(facts, path),
    upload: upload.id,
    expires: upload.started_ms + manager.settings.pendingExpirationMs,
  })
  return `${manager.runtime.url()}/${facts.path}/${encodeURIComponent(path)}/post_success?token=${token}`
}

export const callbackFile = (facts: ResourceFacts, path: string): string => `${facts.name}/${path}`

const seconds = (manager: FileManager): number =>
  Math.max(1, Math.floor(manager.settings.urlExpirationMs / 1000))
