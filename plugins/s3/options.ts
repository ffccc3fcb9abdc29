/** The options of the plugin: their schema, their defaults, and what no schema can say about them. */
import { resolve } from 'node:path'
import type { JsonSchema } from 'biodm'
import { bytes, DURATION_PATTERN, formatBytes, milliseconds, SIZE_PATTERN } from './units.js'

const MB = 1024 ** 2
const GB = 1024 ** 3
/** What S3 itself allows. */
export const LIMITS = Object.freeze({
  partMin: 5 * MB,
  partMax: 5 * GB,
  parts: 10_000,
  /** A form, a copy and so a verified SHA-256 end here. */
  single: 5 * GB,
  expiresSeconds: 7 * 86_400,
})

const size = (fallback: string, description: string): JsonSchema => ({
  anyOf: [
    { type: 'integer', minimum: 0 },
    { type: 'string', pattern: SIZE_PATTERN },
  ],
  default: fallback,
  description,
})
const duration = (fallback: string, description: string): JsonSchema => ({
  anyOf: [
    { type: 'integer', minimum: 1 },
    { type: 'string', pattern: DURATION_PATTERN },
  ],
  default: fallback,
  description,
})

export const OPTIONS: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: {
      type: 'string',
      minLength: 1,
      description: 'Address of the S3 service, or `file:<dir>` for the embedded store. Left out on AWS.',
    },
    public_endpoint: {
      type: 'string',
      minLength: 1,
      description: 'Address signed into the URLs of clients. Default: `endpoint`.',
    },
    path_style: {
      type: 'boolean',
      description: 'Bucket in the path instead of the host name. Default: true when `endpoint` is set.',
    },
    bucket: { type: 'string', minLength: 1, maxLength: 63, description: 'Bucket that holds the objects.' },
    prefix: {
      type: 'string',
      default: '',
      maxLength: 90,
      description: 'Start of every key. Everything under it belongs to this server and this database.',
    },
    region: { type: 'string', default: 'us-east-1', description: 'Region of the bucket.' },
    access_key_id: { type: 'string', description: 'Default: what the AWS SDK finds (role, environment).' },
    secret_access_key: { type: 'string', description: 'Belongs to `access_key_id`.' },
    url_expiration: duration('1h', 'How long signed URLs and forms are valid, at most 7 days.'),
    pending_expiration: duration('24h', 'Uploads not finished by then are aborted and cleaned away.'),
    size_limit: size('100gb', 'Larger files are refused.'),
    multipart: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'When and how files are uploaded in parts.',
      properties: {
        threshold: size('100mb', 'Larger files are uploaded in parts; at most 5gb.'),
        part_size: size('100mb', 'Size of a part, 5mb to 5gb; raised for files of more than 10 000 parts.'),
        always: { type: 'boolean', default: false, description: 'Small files in parts too.' },
      },
    },
  },
  anyOf: [
    { required: ['bucket'] },
    { required: ['endpoint'], properties: { endpoint: { type: 'string', pattern: '^file:' } } },
  ],
}

/** Options with units resolved and defaults filled in. Bytes and milliseconds. */
export interface Settings {
  readonly store:
    | { readonly kind: 'embedded'; readonly dir: string }
    | {
        readonly kind: 's3'
        readonly endpoint: string | null
        readonly publicEndpoint: string | null
        readonly pathStyle: boolean
        readonly bucket: string
        readonly region: string
        readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null
      }
  readonly prefix: string
  readonly urlExpirationMs: number
  readonly pendingExpirationMs: number
  readonly sizeLimit: number
  readonly multipart: { readonly threshold: number; readonly partSize: number; readonly always: boolean }
}

type Raw = Readonly<Record<string, unknown>>
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const amount = (value: unknown, fallback: string): string | number =>
  typeof value === 'string' || typeof value === 'number' ? value : fallback

/** `dir`: the folder that a relative `file:` path starts from. */
export function settingsOf(options: Raw, dir: string): Settings {
  const multipart = (options['multipart'] ?? {}) as Raw
  return Object.freeze({
    store: storeOf(options, dir),
    prefix: text(options['prefix']) ?? '',
    urlExpirationMs: milliseconds(amount(options['url_expiration'], '1h')),
    pendingExpirationMs: milliseconds(amount(options['pending_expiration'], '24h')),
    sizeLimit: bytes(amount(options['size_limit'], '100gb')),
    multipart: Object.freeze({
      threshold: bytes(amount(multipart['threshold'], '100mb')),
      partSize: bytes(amount(multipart['part_size'], '100mb')),
      always: multipart['always'] === true,
    }),
  })
}

function storeOf(options: Raw, dir: string): Settings['store'] {
  const endpoint = text(options['endpoint'])
  if (endpoint?.startsWith('file:') === true)
    return Object.freeze({ kind: 'embedded', dir: resolve(dir, endpoint.slice('file:'.length)) })
  const accessKeyId = text(options['access_key_id'])
  const secretAccessKey = text(options['secret_access_key'])
  return Object.freeze({
    kind: 's3',
    endpoint,
    publicEndpoint: text(options['public_endpoint']) ?? endpoint,
    pathStyle: typeof options['path_style'] === 'boolean' ? options['path_style'] : endpoint !== null,
    bucket: text(options['bucket']) ?? '',
    region: text(options['region']) ?? 'us-east-1',
    credentials: accessKeyId === null || secretAccessKey === null ? null : { accessKeyId, secretAccessKey },
  })
}

/** Everything wrong with the options that their schema cannot express; empty when all is well. */
export function problemsOf(options: Raw): readonly string[] {
  const settings = settingsOf(options, '/')
  const { partSize, threshold } = settings.multipart
  const checks: readonly (readonly [boolean, string])[] = [
    [
      partSize < LIMITS.partMin || partSize > LIMITS.partMax,
      `multipart.part_size is ${formatBytes(partSize)}; S3 takes parts of 5mb to 5gb`,
    ],
    [
      threshold > LIMITS.single,
      `multipart.threshold is ${formatBytes(threshold)}; a single upload ends at 5gb`,
    ],
    [
      settings.urlExpirationMs > LIMITS.expiresSeconds * 1000 || settings.urlExpirationMs < 1000,
      'url_expiration must be between 1s and 7d',
    ],
    [
      (text(options['access_key_id']) === null) !== (text(options['secret_access_key']) === null),
      'access_key_id and secret_access_key come together',
    ],
    [
      /^\/|\/\/|(^|\/)\.{1,2}(\/|$)|[\p{Cc}$ {}\\"]/u.test(settings.prefix),
      'prefix may not start with "/", hold empty, "." or ".." segments, spaces, quotes or any of $ { } \\',
    ],
    ...(['endpoint', 'public_endpoint'] as const).map(
      (name) => [!isAddress(text(options[name])), `${name} must be an http(s) URL`] as const,
    ),
  ]
  return checks.filter(([wrong]) => wrong).map(([, message]) => message)
}

function isAddress(value: string | null): boolean {
  if (value === null || value.startsWith('file:')) return true
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}
