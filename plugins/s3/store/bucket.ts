/** `ObjectStore` on an S3 service. Answers are distrusted: what S3 always says must be there, or nothing is known. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type BucketSettings, bucketUrl, CALL_MS, call, connect, SLOW_CALL_MS } from './client.js'
import { listObjects, listUploads, PAGE, versions } from './lists.js'
import { policySigner } from './post-policy.js'
import {
  bareEtag,
  type CompletedPart,
  type CopyRequest,
  type DownloadRequest,
  type FormRequest,
  type ObjectHead,
  type ObjectStore,
  type PartRequest,
  type SignedForm,
  type StoredPart,
  StoreError,
} from './store.js'

/** Name of the metadata that holds a mark. */
const MARK = 'upload'

export function openBucket(settings: BucketSettings): ObjectStore {
  const { quick, slow, signer } = connect(settings)
  const Bucket = settings.bucket
  const signPolicies = policySigner()
  const formUrl = bucketUrl(signer, Bucket)

  return Object.freeze<ObjectStore>({
    async check() {
      // a list names its bucket: a HEAD would also be content with any web server
      const list = await call('ListObjectsV2', CALL_MS, (o) =>
        quick.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }), o),
      )
      if (list.Name !== Bucket) throw nonsense('ListObjectsV2', 'Name')
    },

    signForms: (forms, expiresInSeconds) => signForms(forms, expiresInSeconds),
    signPart: (part) => signPart(part),
    signDownload: (download) => signDownload(download),

    async createMultipart(Key, ContentType, mark) {
      const made = await call('CreateMultipartUpload', CALL_MS, (o) =>
        quick.send(
          new CreateMultipartUploadCommand({ Bucket, Key, ContentType, Metadata: { [MARK]: mark } }),
          o,
        ),
      )
      return expected('CreateMultipartUpload', 'UploadId', made.UploadId)
    },

    async listParts(key, uploadId) {
      try {
        return await listParts(key, uploadId)
      } catch (error) {
        if (error instanceof StoreError && error.failure === 'missing') return null
        throw error
      }
    },

    completeMultipart: (key, uploadId, parts) => completeMultipart(key, uploadId, parts),

    async abortMultipart(Key, UploadId) {
      await ignoringAbsence(
        call('AbortMultipartUpload', CALL_MS, (o) =>
          quick.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), o),
        ),
      )
    },

    head: (key) => head(key),
    copy: (copy) => copyObject(copy),

    async delete(Key) {
      const found = await head(Key)
      if (found === null) return
      if (found.versionId === null) {
        await ignoringAbsence(
          call('DeleteObject', CALL_MS, (o) => quick.send(new DeleteObjectCommand({ Bucket, Key }), o)),
        )
        return
      }
      // a delete without a version only hides the object in a versioned bucket
      for await (const VersionId of versions(quick, Bucket, Key)) {
        await ignoringAbsence(
          call('DeleteObject', CALL_MS, (o) =>
            quick.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), o),
          ),
        )
      }
    },

    listUploads: (prefix) => listUploads(quick, Bucket, prefix),
    listObjects: (prefix) => listObjects(quick, Bucket, prefix),

    async sweep() {},
    async close() {
      for (const client of [quick, slow, signer]) client.destroy()
    },
  })

  async function signForms(
    forms: readonly FormRequest[],
    expiresInSeconds: number,
  ): Promise<readonly SignedForm[]> {
    const scope = { bucket: Bucket, region: settings.region, url: await formUrl(), expiresInSeconds }
    const sign = signPolicies(await signer.config.credentials(), scope, new Date())
    return forms.map(({ key, size, contentType, sha256, redirect }) =>
      sign({
        key,
        size,
        fields: {
          'Content-Type': contentType,
          success_action_redirect: redirect,
          ...(sha256 === null ? {} : { 'x-amz-checksum-sha256': base64(sha256) }),
        },
      }),
    )
  }

  async function signPart(part: PartRequest): Promise<string> {
    const command = new UploadPartCommand({
      Bucket,
      Key: part.key,
      UploadId: part.uploadId,
      PartNumber: part.partNumber,
      ContentLength: part.size,
    })
    return await getSignedUrl(signer, command, {
      expiresIn: part.expiresInSeconds,
      signableHeaders: new Set(['host', 'content-length']),
    })
  }

  async function signDownload(download: DownloadRequest): Promise<string> {
    const command = new GetObjectCommand({
      Bucket,
      Key: download.key,
      ResponseContentDisposition: download.disposition,
      ResponseContentType: download.contentType,
      ...(download.versionId === null ? {} : { VersionId: download.versionId }),
    })
    return await getSignedUrl(signer, command, { expiresIn: download.expiresInSeconds })
  }

  async function listParts(Key: string, UploadId: string): Promise<readonly StoredPart[]> {
    const parts: StoredPart[] = []
    let PartNumberMarker: string | undefined
    for (;;) {
      const marker = PartNumberMarker === undefined ? {} : { PartNumberMarker }
      const page = await call('ListParts', CALL_MS, (o) =>
        quick.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: PAGE, ...marker }), o),
      )
      if (page.UploadId !== UploadId) throw nonsense('ListParts', 'UploadId')
      for (const part of page.Parts ?? []) {
        parts.push({
          partNumber: expected('ListParts', 'PartNumber', part.PartNumber),
          etag: bareEtag(expected('ListParts', 'ETag', part.ETag)),
          size: expected('ListParts', 'Size', part.Size),
        })
      }
      // `IsTruncated` alone decides: MinIO's last page names the marker "0"
      if (page.IsTruncated !== true) return parts
      PartNumberMarker = expected('ListParts', 'NextPartNumberMarker', page.NextPartNumberMarker)
    }
  }

  async function completeMultipart(Key: string, UploadId: string, parts: readonly CompletedPart[]) {
    const MultipartUpload = {
      Parts: parts.map((part) => ({ PartNumber: part.partNumber, ETag: `"${part.etag}"` })),
    }
    const done = await call('CompleteMultipartUpload', SLOW_CALL_MS, (o) =>
      slow.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }), o),
    )
    expected('CompleteMultipartUpload', 'ETag', done.ETag)
  }

  async function head(Key: string): Promise<ObjectHead | null> {
    try {
      const found = await call('HeadObject', CALL_MS, (o) =>
        quick.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }), o),
      )
      const whole = found.ChecksumType === 'FULL_OBJECT' || found.ChecksumSHA256?.includes('-') === false
      return {
        size: expected('HeadObject', 'ContentLength', found.ContentLength),
        etag: bareEtag(expected('HeadObject', 'ETag', found.ETag)),
        sha256: whole && found.ChecksumSHA256 !== undefined ? hex(found.ChecksumSHA256) : null,
        versionId: found.VersionId === undefined || found.VersionId === 'null' ? null : found.VersionId,
        mark: found.Metadata?.[MARK] ?? null,
      }
    } catch (error) {
      if (error instanceof StoreError && error.failure === 'missing') return null
      throw error
    }
  }

  async function copyObject(copy: CopyRequest): Promise<void> {
    const command = new CopyObjectCommand({
      Bucket,
      Key: copy.to,
      CopySource: `${Bucket}/${copy.from.split('/').map(encodeURIComponent).join('/')}`,
      CopySourceIfMatch: `"${copy.ifMatch}"`,
      MetadataDirective: 'REPLACE',
      ContentType: copy.contentType,
      Metadata: { [MARK]: copy.mark },
      ...(copy.checksum ? { ChecksumAlgorithm: 'SHA256' } : {}),
    })
    const done = await call('CopyObject', SLOW_CALL_MS, (o) => slow.send(command, o))
    expected('CopyObject', 'ETag', done.CopyObjectResult?.ETag)
  }
}

const base64 = (sha256: string): string => Buffer.from(sha256, 'hex').toString('base64')
const hex = (sha256: string): string => Buffer.from(sha256, 'base64').toString('hex')

const nonsense = (call: string, field: string): StoreError =>
  new StoreError('unavailable', `${call}: the answer has no valid ${field}`)

function expected<T>(call: string, field: string, value: T | undefined): T {
  if (value === undefined || value === '') throw nonsense(call, field)
  return value
}

async function ignoringAbsence(done: Promise<unknown>): Promise<void> {
  try {
    await done
  } catch (error) {
    if (!(error instanceof StoreError && error.failure === 'missing')) throw error
  }
}
