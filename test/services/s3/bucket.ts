/** Buckets of their own on the S3 service that `BIODM_TEST_S3` names, emptied and removed with the test. */
import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import type { BucketSettings } from '../../../plugins/s3/store/client.js'
import type { StoreOptions } from '../../plugins/s3/world.js'

export interface TestBucket {
  readonly settings: BucketSettings
  readonly client: S3Client
}

export async function testBucket(t: Test, options: { versioned?: boolean } = {}): Promise<TestBucket> {
  const address = new URL(process.env['BIODM_TEST_S3'] ?? '')
  const credentials = { accessKeyId: address.username, secretAccessKey: address.password }
  const settings: BucketSettings = {
    kind: 's3',
    endpoint: address.origin,
    publicEndpoint: address.origin,
    pathStyle: true,
    bucket: `biodm-test-${randomBytes(6).toString('hex')}`,
    region: 'us-east-1',
    credentials,
  }
  const client = new S3Client({
    endpoint: address.origin,
    region: settings.region,
    forcePathStyle: true,
    credentials,
  })
  const Bucket = settings.bucket
  await client.send(new CreateBucketCommand({ Bucket }))
  t.teardown(async () => {
    await emptyBucket(client, Bucket)
    await client.send(new DeleteBucketCommand({ Bucket }))
    client.destroy()
  })
  if (options.versioned === true) {
    const VersioningConfiguration = { Status: 'Enabled' as const }
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
  }
  return { settings, client }
}

async function emptyBucket(client: S3Client, Bucket: string): Promise<void> {
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }))
  for (const { Key, UploadId } of uploads.Uploads ?? [])
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  for (;;) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket }))
    const versions = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
    for (const { Key, VersionId } of versions)
      await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))
    if (versions.length === 0) return
  }
}

/** Options of the plugin for a bucket of the test's own. */
export function bucketStore(
  options: { readonly versioned?: boolean; readonly endpoint?: string } = {},
): StoreOptions {
  return async (t) => {
    const { settings } = await testBucket(t, options)
    return pluginOptions(settings, options.endpoint)
  }
}

/** `endpoint`: another way to the same store (a proxy); clients go to the store itself. */
export function pluginOptions(
  settings: BucketSettings,
  endpoint?: string,
): Readonly<Record<string, unknown>> {
  return {
    endpoint: endpoint ?? settings.endpoint,
    public_endpoint: settings.endpoint,
    bucket: settings.bucket,
    access_key_id: settings.credentials?.accessKeyId,
    secret_access_key: settings.credentials?.secretAccessKey,
  }
}
