/** An upload as clients see it: its parts, with signed addresses where the answer may have them. */
import { JsonText, type ResourceFacts } from 'biodm'
import type { FileManager } from './manager.js'
import type { FormRequest } from './store/store.js'
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

/** An upload to be shown. */
export interface Shown {
  readonly upload: Upload
  /** Key of its file as in a path. */
  readonly path: string
  /** Parts that the store has already, by number. */
  readonly etags?: ReadonlyMap<number, string>
}

interface PartDraft {
  readonly planned: PlannedPart
  readonly etag: string | null
  readonly sign: boolean
  signed: Signed | null
}
interface Draft {
  readonly one: Shown
  readonly parts: readonly PartDraft[]
}
interface Signed {
  readonly url: string
  /** Of a form, as JSON. */
  readonly fields: string | null
}

/** The uploads of one answer, in order; the first `SIGNATURES` parts that are missing are signed. */
export async function viewUploads(
  manager: FileManager,
  facts: ResourceFacts,
  shown: readonly Shown[],
): Promise<readonly UploadView[]> {
  return (await signedDrafts(manager, facts, shown)).map(({ one: { upload }, parts }) => ({
    id: upload.id,
    parts: parts.map(upload.store_id === null ? formView : partView),
  }))
}

/** The same as JSON text, whose fields are never taken apart: a thousand forms are most of an answer. */
export async function uploadTexts(
  manager: FileManager,
  facts: ResourceFacts,
  shown: readonly Shown[],
): Promise<readonly JsonText[]> {
  return (await signedDrafts(manager, facts, shown)).map(({ one: { upload }, parts }) => {
    const texts = parts.map(upload.store_id === null ? formText : partText)
    return new JsonText(`{"id":${JSON.stringify(upload.id)},"parts":[${texts.join(',')}]}`)
  })
}

async function signedDrafts(
  manager: FileManager,
  facts: ResourceFacts,
  shown: readonly Shown[],
): Promise<readonly Draft[]> {
  const drafts = draft(shown)
  await signForms(manager, facts, drafts)
  await signParts(manager, drafts)
  return drafts
}

function draft(shown: readonly Shown[]): readonly Draft[] {
  let left = SIGNATURES
  return shown.map((one) => ({
    one,
    parts: plannedParts(one.upload).map((planned) => {
      const etag = one.etags?.get(planned.partNumber) ?? null
      const sign = etag === null && left > 0
      if (sign) left--
      return { planned, etag, sign, signed: null }
    }),
  }))
}

/** All of an answer at once: there may be a thousand. */
async function signForms(
  manager: FileManager,
  facts: ResourceFacts,
  drafts: readonly Draft[],
): Promise<void> {
  const wanted = drafts.flatMap(({ one, parts: [part] }) =>
    one.upload.store_id === null && part?.sign === true ? [{ one, part }] : [],
  )
  if (wanted.length === 0) return
  const files = `${manager.runtime.url()}/${facts.path}/`
  const requests = wanted.map(({ one }) => formRequest(manager, facts, files, one))
  const forms = await manager.store.signForms(requests, seconds(manager))
  wanted.forEach(({ part }, index) => {
    part.signed = forms[index] ?? null
  })
}

async function signParts(manager: FileManager, drafts: readonly Draft[]): Promise<void> {
  const expiresInSeconds = seconds(manager)
  for (const { one, parts } of drafts) {
    const { store_id: uploadId, object_key: key } = one.upload
    if (uploadId === null) continue
    for (const part of parts) {
      if (!part.sign) continue
      const { partNumber, size } = part.planned
      const url = await manager.store.signPart({ key, uploadId, partNumber, size, expiresInSeconds })
      part.signed = { url, fields: null }
    }
  }
}

const formView = (part: PartDraft): PartView => JSON.parse(formText(part)) as PartView

function formText({ planned: { partNumber, offset, size }, etag, signed }: PartDraft): string {
  const where = `"part_number":${partNumber},"offset":${offset},"size":${size},"method":"POST"`
  const how = `"url":${JSON.stringify(signed?.url ?? null)},"fields":${signed?.fields ?? 'null'}`
  return `{${where},${how},"etag":${JSON.stringify(etag)}}`
}

const partView = ({ planned, etag, signed }: PartDraft): PartView => ({
  part_number: planned.partNumber,
  offset: planned.offset,
  size: planned.size,
  method: 'PUT',
  url: signed?.url ?? null,
  etag,
})

const partText = (part: PartDraft): string => JSON.stringify(partView(part))

/** `files`: address of the collection, with a slash at its end. */
function formRequest(
  manager: FileManager,
  facts: ResourceFacts,
  files: string,
  { upload, path }: Shown,
): FormRequest {
  const token = callbackToken(manager, facts, path, upload)
  return {
    key: manager.pendingKey(upload.id, upload.object_key),
    size: upload.size,
    contentType: upload.content_type,
    sha256: upload.sha256,
    redirect: `${files}${encodeURIComponent(path)}/post_success?token=${token}`,
  }
}

/** Good as long as the upload itself. */
const callbackToken = (manager: FileManager, facts: ResourceFacts, path: string, upload: Upload): string =>
  signCallback(manager.secret, {
    file: callbackFile(facts, path),
    upload: upload.id,
    expires: upload.started_ms + manager.settings.pendingExpirationMs,
  })

export const callbackFile = (facts: ResourceFacts, path: string): string => `${facts.name}/${path}`

const seconds = (manager: FileManager): number =>
  Math.max(1, Math.floor(manager.settings.urlExpirationMs / 1000))
