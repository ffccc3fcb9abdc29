/** The SDK's client as we need it, and its errors as ours. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import type { Settings } from '../options.js'
import { StoreError, type StoreFailure } from './store.js'

export type BucketSettings = Extract<Settings['store'], { kind: 's3' }>

/** Silence on a connection; a call that works for long (a large copy) keeps its connection alive with blanks. */
const IDLE_MS = 4_000
const SLOW_IDLE_MS = 60_000
const CONNECT_MS = 2_000
const ATTEMPTS = 3

/** Total time of a call, attempts and waits included: some are made while a transaction waits. */
export const CALL_MS = 5_000
/** `CompleteMultipartUpload` and `CopyObject`: nothing waits for them but their own request. */
export const SLOW_CALL_MS = 600_000

export interface Clients {
  readonly quick: S3Client
  readonly slow: S3Client
  /** Signs with the address that clients see. */
  readonly signer: S3Client
}

export function connect(settings: BucketSettings): Clients {
  return Object.freeze({
    quick: client(settings, settings.endpoint, IDLE_MS),
    slow: client(settings, settings.endpoint, SLOW_IDLE_MS),
    signer: client(settings, settings.publicEndpoint, IDLE_MS),
  })
}

function client(settings: BucketSettings, endpoint: string | null, idleMs: number): S3Client {
  const config: S3ClientConfig = {
    region: settings.region,
    forcePathStyle: settings.pathStyle,
    maxAttempts: ATTEMPTS,
    // a presigned part would otherwise carry the checksum of an empty body
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: idleMs,
      requestTimeout: idleMs,
      throwOnRequestTimeout: true,
    },
    ...(endpoint === null ? {} : { endpoint }),
    ...(settings.credentials === null ? {} : { credentials: settings.credentials }),
  }
  return new S3Client(config)
}

/** Address of the bucket as the SDK's own rules have it, asked once: where forms are sent. */
export function bucketUrl(client: S3Client, Bucket: string): () => Promise<string> {
  let known: Promise<string> | undefined
  const ask = async (): Promise<string> => {
    const { url } = await createPresignedPost(client, { Bucket, Key: 'x' })
    return url
  }
  return async () => {
    known ??= ask().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return await known
  }
}

/**
 * Runs one call within `ms` altogether and turns whatever goes wrong into a `StoreError`. A controller and a timer:
 * combined signals lose their timeout to garbage collection on Node 20.
 */
export async function call<T>(
  what: string,
  ms: number,
  run: (options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  try {
    return await run({ abortSignal: controller.signal })
  } catch (error) {
    throw storeError(what, error)
  } finally {
    clearTimeout(timer)
  }
}

/** By name first: a status alone does not tell a missing upload from a missing bucket. */
const BY_NAME: Readonly<Record<string, StoreFailure>> = {
  NoSuchUpload: 'missing',
  NoSuchKey: 'missing',
  NotFound: 'missing',
  NoSuchVersion: 'missing',
  NoSuchBucket: 'unavailable',
  PreconditionFailed: 'changed',
  ConditionalRequestConflict: 'changed',
  InvalidPart: 'refused',
  InvalidPartOrder: 'refused',
  EntityTooSmall: 'refused',
  EntityTooLarge: 'refused',
}

export function storeError(what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { name, message, $metadata } = error as {
    name?: string
    message?: string
    $metadata?: { httpStatusCode?: number }
  }
  const status = $metadata?.httpStatusCode
  const failure = BY_NAME[name ?? ''] ?? (status === 412 ? 'changed' : 'unavailable')
  return new StoreError(
    failure,
    `${what}: ${name ?? 'Error'}${status === undefined ? '' : ` (${status})`}: ${message ?? error}`,
    error,
  )
}
