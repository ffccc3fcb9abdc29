/** The lists of a bucket, page by page while S3 says that there is more. */
import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { CALL_MS, call } from './client.js'
import type { ObjectEntry, UploadEntry } from './store.js'

/** AWS gives no larger pages. */
export const PAGE = 1000

/** Every version of one key, delete markers included. */
export async function* versions(client: S3Client, Bucket: string, key: string): AsyncIterable<string> {
  const pages = paged('ListObjectVersions', async (marker, options) => {
    const input = { Bucket, Prefix: key, MaxKeys: PAGE, ...marker }
    const page = await client.send(new ListObjectVersionsCommand(input), options)
    const past = page.NextKeyMarker === undefined || page.NextKeyMarker > key
    return {
      items: [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])],
      next:
        page.IsTruncated === true && !past
          ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
          : null,
    }
  })
  for await (const { Key, VersionId } of pages) if (Key === key && VersionId !== undefined) yield VersionId
}

/** Asked for without a prefix and filtered here: MinIO takes a prefix for a complete key. */
export async function* listUploads(
  client: S3Client,
  Bucket: string,
  prefix: string,
): AsyncIterable<UploadEntry> {
  const pages = paged('ListMultipartUploads', async (marker, options) => {
    const input = { Bucket, MaxUploads: PAGE, ...marker }
    const page = await client.send(new ListMultipartUploadsCommand(input), options)
    const more = page.IsTruncated === true && page.NextKeyMarker !== undefined
    return {
      items: page.Uploads ?? [],
      next: more ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : null,
    }
  })
  for await (const { Key, UploadId, Initiated } of pages) {
    if (Key?.startsWith(prefix) === true && UploadId !== undefined && Initiated !== undefined)
      yield { key: Key, uploadId: UploadId, startedAt: Initiated }
  }
}

export async function* listObjects(
  client: S3Client,
  Bucket: string,
  Prefix: string,
): AsyncIterable<ObjectEntry> {
  const pages = paged('ListObjectsV2', async (marker, options) => {
    const input = { Bucket, Prefix, MaxKeys: PAGE, ...marker }
    const page = await client.send(new ListObjectsV2Command(input), options)
    const more = page.IsTruncated === true && page.NextContinuationToken !== undefined
    return {
      items: page.Contents ?? [],
      next: more ? { ContinuationToken: page.NextContinuationToken } : null,
    }
  })
  for await (const { Key, LastModified } of pages) {
    if (Key?.startsWith(Prefix) === true && LastModified !== undefined)
      yield { key: Key, modifiedAt: LastModified }
  }
}

type Marker = Readonly<Record<string, string | undefined>>
interface Page<T> {
  readonly items: readonly T[]
  readonly next: Marker | null
}

async function* paged<T>(
  what: string,
  read: (marker: Marker, options: { abortSignal: AbortSignal }) => Promise<Page<T>>,
): AsyncIterable<T> {
  let marker: Marker | null = {}
  while (marker !== null) {
    const at: Marker = marker
    const page: Page<T> = await call(what, CALL_MS, (options) => read(at, options))
    yield* page.items
    marker = page.next
  }
}
