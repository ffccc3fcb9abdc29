import type { Key, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import { lookupStatement } from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Resource } from '../model/model.js'
import type { WriteRequest } from '../plan/write.js'

/** What the stages of one release share. */
export interface Release {
  readonly resource: Resource
  /** Of the row that the path names. */
  readonly key: Key
  /** The row as it was found before the transaction. */
  readonly stored: Readonly<Row>
  /** Of the new version: a guess until the entity is locked. */
  readonly next: Key
  /** The body as a write to the new version. */
  readonly write: Extract<WriteRequest, { readonly kind: 'update' }>
  /** The body itself; hooks may complete it. */
  readonly data: Row
}

/** The last number that an entity has used, also of a version that is gone. `update` locks the entity. */
export async function lastVersion(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  key: Key,
  lock: 'none' | 'update',
): Promise<number> {
  const columns = [{ name: 'last_version', type: 'integer' }] as const
  const source = { table: resource.entityTable ?? '', columns }
  const [row] = await db.query(
    lookupStatement(
      writer,
      { ...resource, primaryKey: resource.entityKey },
      [key],
      lock,
      resource.entityKey,
      source,
    ),
  )
  return Number(row?.[0] ?? key['version'])
}
