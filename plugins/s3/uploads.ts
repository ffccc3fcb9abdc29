/** Rows of the plugin's own table, one for each file that is being uploaded, and the parts that follow from a row. */
import type { Key, ResourceFacts } from 'biodm'
import type { Knex } from 'knex'
import { firstId } from './ids.js'
import { UPLOADS } from './trait.js'

export interface Upload {
  readonly id: string
  readonly resource: string
  readonly file_key: string
  readonly object_key: string
  /** The same where another upload might have it too. */
  readonly shared_key: string | null
  readonly size: number
  readonly content_type: string
  readonly sha256: string | null
  readonly part_size: number | null
  readonly store_id: string | null
  readonly pinned_etag: string | null
  readonly started_ms: number
}

export interface PlannedPart {
  readonly partNumber: number
  readonly offset: number
  readonly size: number
}

/** Values bound in one statement stay far below what either database takes. */
const ROWS = 500

export function fileKey(facts: ResourceFacts, key: Key): string {
  const [only, second] = facts.primaryKey
  const value = second === undefined && only !== undefined ? key[only] : undefined
  if (typeof value === 'number') return `[${value}]`
  return JSON.stringify(facts.primaryKey.map((column) => key[column]))
}

/** One part, or as many as the size needs; an empty multipart upload has one empty part. */
export function partCount(upload: Pick<Upload, 'size' | 'part_size'>): number {
  return upload.part_size === null ? 1 : Math.max(1, Math.ceil(upload.size / upload.part_size))
}

export function plannedParts(upload: Pick<Upload, 'size' | 'part_size'>): readonly PlannedPart[] {
  const { size, part_size } = upload
  if (part_size === null) return [{ partNumber: 1, offset: 0, size }]
  return Array.from({ length: partCount(upload) }, (_, index) => {
    const offset = index * part_size
    return { partNumber: index + 1, offset, size: Math.min(part_size, size - offset) }
  })
}

/**
 * One statement, whatever the number of rows: they travel as one JSON parameter. What they all have in common, which is most of
 * a row, is bound once.
 */
export async function insertUploads(trx: Knex, uploads: readonly Upload[]): Promise<void> {
  const [first] = uploads
  if (first === undefined) return
  const postgres = trx.client.config.client === 'pg'
  const own = COLUMNS.filter(([name]) => uploads.some((upload) => upload[name] !== first[name]))
  const common = COLUMNS.filter((column) => !own.includes(column))
  const names = [...own, ...common].map(([name]) => `"${name}"`).join(', ')
  const values = [
    ...own.map((_, index) => (postgres ? `c${index}` : `value ->> ${index}`)),
    ...common.map(([, type]) => (postgres ? `?::${type}` : '?')),
  ]
  const records = postgres
    ? `json_to_recordset(?::json) AS r(${own.map(([, type], index) => `c${index} ${type}`).join(', ')})`
    : 'json_each(?) WHERE true'
  const from = own.length === 0 ? '' : ` FROM ${records}`
  await trx.raw(`INSERT INTO ${UPLOADS} (${names}) SELECT ${values.join(', ')}${from}`, [
    ...common.map(([name]) => first[name]),
    ...(own.length === 0 ? [] : [JSON.stringify(uploads.map((upload) => record(upload, own, postgres)))]),
  ])
}

function record(upload: Upload, own: readonly (typeof COLUMNS)[number][], named: boolean): unknown {
  if (!named) return own.map(([name]) => upload[name])
  const values: Record<string, unknown> = {}
  for (let index = 0; index < own.length; index++) {
    const column = own[index]
    if (column !== undefined) values[`c${index}`] = upload[column[0]]
  }
  return values
}

const COLUMNS = [
  ['id', 'uuid'],
  ['resource', 'text'],
  ['file_key', 'text'],
  ['object_key', 'text'],
  ['shared_key', 'text'],
  ['size', 'bigint'],
  ['content_type', 'text'],
  ['sha256', 'text'],
  ['part_size', 'bigint'],
  ['store_id', 'text'],
  ['pinned_etag', 'text'],
  ['started_ms', 'bigint'],
] as const satisfies readonly (readonly [keyof Upload, string])[]

/** The upload of one file; `lock` keeps others from changing it until the transaction ends. */
export async function findUpload(
  trx: Knex,
  facts: ResourceFacts,
  key: Key,
  lock = false,
): Promise<Upload | null> {
  const query = trx(UPLOADS)
    .where({ resource: facts.name, file_key: fileKey(facts, key) })
    .first()
  const row: unknown = await (lock ? query.forUpdate() : query)
  return row === undefined ? null : uploadOf(row)
}

export async function findUploads(
  trx: Knex,
  facts: ResourceFacts,
  keys: readonly Key[],
): Promise<readonly Upload[]> {
  const found: Upload[] = []
  for (const some of chunks(keys)) {
    const names = some.map((key) => fileKey(facts, key))
    const rows: unknown[] = await trx(UPLOADS).where({ resource: facts.name }).whereIn('file_key', names)
    found.push(...rows.map(uploadOf))
  }
  return found
}

/** Those of `ids` that there are. */
export async function existing(
  trx: Knex,
  column: 'id' | 'store_id' | 'shared_key',
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const some of chunks(ids)) {
    const rows: Record<string, unknown>[] = await trx(UPLOADS).select(column).whereIn(column, some)
    for (const row of rows) found.add(String(row[column]))
  }
  return found
}

/** Uploads begun before, oldest first. */
export async function startedBefore(trx: Knex, ms: number, limit: number): Promise<readonly Upload[]> {
  const rows: unknown[] = await trx(UPLOADS)
    .where('id', '<', firstId(ms))
    .where('started_ms', '<', ms)
    .orderBy('id')
    .limit(limit)
  return rows.map(uploadOf)
}

/** Of several that try, one gets true for each row. */
export async function removeUpload(trx: Knex, id: string): Promise<boolean> {
  return (await trx(UPLOADS).where({ id }).delete()) === 1
}

export async function removeUploads(trx: Knex, ids: readonly string[]): Promise<void> {
  for (const some of chunks(ids)) await trx(UPLOADS).whereIn('id', some).delete()
}

/** The ETag that was pinned first; null when the upload has gone. */
export async function pinEtag(trx: Knex, id: string, etag: string): Promise<string | null> {
  await trx(UPLOADS).where({ id }).whereNull('pinned_etag').update({ pinned_etag: etag })
  const row: { pinned_etag: string | null } | undefined = await trx(UPLOADS)
    .where({ id })
    .first('pinned_etag')
  return row?.pinned_etag ?? null
}

export function* chunks<T>(items: readonly T[], size = ROWS): Iterable<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/** Large integers arrive as text from PostgreSQL. */
function uploadOf(row: unknown): Upload {
  const upload = row as Upload
  return Object.freeze({
    ...upload,
    size: Number(upload.size),
    part_size: upload.part_size === null ? null : Number(upload.part_size),
    started_ms: Number(upload.started_ms),
  })
}
