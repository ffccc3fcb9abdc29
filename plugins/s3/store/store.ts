/**
 * What the plugin asks of a place that keeps objects. Two implementations, one conformance suite: a bucket (bucket.ts) and the
 * embedded store (embedded/). Signing never uses the network; everything else may fail with a `StoreError`.
 */

export interface ObjectStore {
  /** Rejects when the bucket is not there or may not be used. */
  check(): Promise<void>

  /** For each a form that creates exactly this object, once filled with `file` as its last field. */
  signForms(forms: readonly FormRequest[], expiresInSeconds: number): Promise<readonly SignedForm[]>
  /** A URL that takes one part of exactly this size by `PUT`. */
  signPart(part: PartRequest): Promise<string>
  /** A URL that answers the object under the given name. */
  signDownload(download: DownloadRequest): Promise<string>

  /** `mark` comes back in the head of the object that it becomes. */
  createMultipart(key: string, contentType: string, mark: string): Promise<string>
  /** All parts there are, in order of their numbers; null: no such upload. */
  listParts(key: string, uploadId: string): Promise<readonly StoredPart[] | null>
  /** Makes the object. `missing`: no such upload; anything else that fails leaves the question to `head`. */
  completeMultipart(key: string, uploadId: string, parts: readonly CompletedPart[]): Promise<void>
  /** Also when there is none. */
  abortMultipart(key: string, uploadId: string): Promise<void>

  /** Null: no such object. */
  head(key: string): Promise<ObjectHead | null>
  /**
   * Copies inside the store. `ifMatch` names the ETag that the source must have: else `changed`; no source: `missing`. With
   * `checksum` the copy carries the SHA-256 of its whole content. `from` and `to` may be the same key.
   */
  copy(copy: CopyRequest): Promise<void>
  /** Removes the object, in a versioned bucket all its versions; also when there is none. */
  delete(key: string): Promise<void>

  /** Multipart uploads not finished, under a prefix. */
  listUploads(prefix: string): AsyncIterable<UploadEntry>
  /** Objects under a prefix. */
  listObjects(prefix: string): AsyncIterable<ObjectEntry>
  /** Removes what interrupted writes left behind where nobody else does it. */
  sweep(): Promise<void>
  close(): Promise<void>
}

export interface FormRequest {
  readonly key: string
  /** Bytes, exact. */
  readonly size: number
  readonly contentType: string
  /** 64 lower-case hex digits, or null when it is not known. */
  readonly sha256: string | null
  /** Where the store sends the client after a success. */
  readonly redirect: string
}
export interface SignedForm {
  readonly url: string
  /** The fields, names to values, as JSON: it goes into an answer as it is. */
  readonly fields: string
}
export interface PartRequest {
  readonly key: string
  readonly uploadId: string
  readonly partNumber: number
  readonly size: number
  readonly expiresInSeconds: number
}
export interface DownloadRequest {
  readonly key: string
  /** Of a versioned bucket: the version that was checked. */
  readonly versionId: string | null
  /** A complete `Content-Disposition`. */
  readonly disposition: string
  readonly contentType: string
  readonly expiresInSeconds: number
}
export interface CompletedPart {
  readonly partNumber: number
  readonly etag: string
}
/** ETags are without quotes everywhere. */
export interface StoredPart extends CompletedPart {
  readonly size: number
}
export interface ObjectHead {
  readonly size: number
  readonly etag: string
  /** Hex, of the whole object; null when the store does not know it. */
  readonly sha256: string | null
  readonly versionId: string | null
  /** What its copy or multipart upload was marked with; null when it was not. */
  readonly mark: string | null
}
export interface CopyRequest {
  readonly from: string
  readonly to: string
  readonly ifMatch: string
  readonly contentType: string
  readonly checksum: boolean
  readonly mark: string
}
export interface UploadEntry {
  readonly key: string
  readonly uploadId: string
  readonly startedAt: Date
}
export interface ObjectEntry {
  readonly key: string
  readonly modifiedAt: Date
}

/**
 * missing      no such object or upload
 * changed      the object is no longer the one that was named
 * refused      the store understood and said no (wrong parts)
 * unavailable  down, silent, misconfigured or answering nonsense: nothing is known
 */
export type StoreFailure = 'missing' | 'changed' | 'refused' | 'unavailable'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly failure: StoreFailure

  constructor(failure: StoreFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.failure = failure
  }
}

/** `"abc"` → `abc`. */
export const bareEtag = (etag: string): string => etag.replace(/^"|"$/g, '')
