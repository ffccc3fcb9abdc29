/** What `s3.file` gives a resource, and the plugin's own table of uploads. */
import type { ResourceConfig, Trait } from 'biodm'
import { DEFAULT_TEMPLATE, templateProblems } from './keys.js'

export const UPLOADS = 'biodm_upload'

/**
 * One row for each file that is being uploaded. Its parts need none: their numbers, offsets and sizes follow from `size` and
 * `part_size`, their ETags are the store's to tell.
 */
export const RESOURCES = {
  Upload: {
    internal: true,
    table: UPLOADS,
    columns: {
      /** Begins with `started_ms` (ids.ts): in the order of time. */
      id: { type: 'uuid', primary: true },
      resource: { type: 'string(100)', required: true },
      /** Primary key of the file, as a JSON array in declaration order. */
      file_key: { type: 'text', required: true },
      object_key: { type: 'text', required: true },
      /** The object key where no salt makes it one of its kind; null elsewhere. Random keys in an index cost more than the row. */
      shared_key: { type: 'text', unique: true },
      size: { type: 'bigint', required: true },
      content_type: { type: 'string(255)', required: true },
      sha256: { type: 'string(64)' },
      /** Null: a single form. */
      part_size: { type: 'bigint' },
      /** The store's own id of a multipart upload. Looked for by the janitor alone, and only what is old. */
      store_id: { type: 'text' },
      /** ETag of the form's object that is being taken over: no other one may follow. */
      pinned_etag: { type: 'text' },
      /** Milliseconds since the epoch. */
      started_ms: { type: 'bigint', required: true },
    },
    unique: [['resource', 'file_key']],
  },
} as const satisfies Record<string, ResourceConfig>

/** Columns whose values describe the bytes: they change by a release only. */
export const CONTENT = ['size', 'sha256', 'content_type'] as const

export const FILE: Omit<Trait, 'routes'> = {
  description: 'A file whose bytes lie in the object store',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      key: {
        type: 'string',
        minLength: 1,
        default: DEFAULT_TEMPLATE,
        description:
          'Template of the object key: columns and columns of to-one relations in braces, `{version}` for `_v3` on versioned resources.',
      },
    },
  },
  columns: {
    filename: { type: 'string(300)', required: true, description: 'Name without its extension' },
    extension: { type: 'string(10)', required: true },
    size: { type: 'bigint', required: true, min: 0, description: 'Bytes' },
    content_type: { type: 'string(255)', description: 'Media type; default application/octet-stream' },
    sha256: {
      type: 'string(64)',
      pattern: '^[0-9a-fA-F]{64}$',
      description: 'Hex digest of the content; verified when it is given',
    },
    ready: {
      type: 'boolean',
      required: true,
      default: false,
      readonly: true,
      description: 'The content is there',
    },
    dl_count: { type: 'integer', required: true, default: 0, readonly: true, description: 'Downloads' },
    emitted_at: { type: 'datetime', default: 'now', readonly: true, description: 'When the upload was made' },
    validated_at: { type: 'datetime', readonly: true, description: 'When the content was found complete' },
    key_salt: { type: 'uuid', default: 'uuid', readonly: true, hidden: true },
    object_key: { type: 'text', readonly: true, hidden: true, index: true },
    object_version: { type: 'text', readonly: true, hidden: true },
    upload: {
      type: 'json',
      virtual: true,
      readonly: true,
      description:
        'How to upload the content; null once it is there, in lists that do not name it, and for readers',
    },
  },
  verbs: ['download'],
  operations: ['download', 'complete'],
  hooks: {
    create: { prefix: ['s3.check'], postfix: ['s3.offer'] },
    update: { prefix: ['s3.check'], postfix: ['s3.keepContent'] },
    release: { prefix: ['s3.checkRelease'], postfix: ['s3.offerAnew'] },
    clone: { postfix: ['s3.share'] },
    delete: { postfix: ['s3.discard'] },
    read: { postfix: ['s3.show'] },
    list: { postfix: ['s3.show'] },
  },
  validate: (target, options) =>
    templateProblems(typeof options['key'] === 'string' ? options['key'] : DEFAULT_TEMPLATE, target),
}
