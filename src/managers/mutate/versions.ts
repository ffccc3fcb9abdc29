/** Versions of an entity: which row is the latest. */
import type { Row } from '../../hooks.js'
import { quote, type StoredColumn } from './columns.js'
import { columnShape, jsonRows, records, recordsText, rowsText, type Writer } from './rows.js'
import type { Step } from './step.js'

/** Marks the newest remaining version of each entity; entities without versions are left alone. */
export function latestStep(
  writer: Writer,
  table: string,
  entityKey: readonly StoredColumn[],
  entities: readonly Readonly<Row>[],
): Step {
  const same = entityKey.map((key) => `o.${quote(key.name)} = t.${quote(key.name)}`).join(' AND ')
  const newest = `t."version" = (SELECT max(o."version") FROM ${quote(table)} AS o WHERE ${same})`
  const named = writer.texts.get(`latest ${table} ${columnShape(entityKey)}`, () => {
    const among = entityKey.map((key) => `t.${quote(key.name)}`).join(', ')
    if (writer.dialect === 'sqlite') {
      return `UPDATE ${quote(table)} AS t SET "is_latest" = 1 WHERE (${among}) IN (${jsonRows(entityKey)}) AND ${newest}`
    }
    const match = entityKey.map((key) => `t.${quote(key.name)} = x.${quote(key.name)}`).join(' AND ')
    return `UPDATE ${quote(table)} AS t SET "is_latest" = true FROM ${records(entityKey)} WHERE ${match} AND ${newest}`
  })
  const text =
    writer.dialect === 'postgres' ? recordsText(entityKey, entities) : rowsText(entityKey, entities)
  return { ...named, values: entities.length === 0 ? [] : [[text]] }
}

/** Locks the entities of rows that are about to be released or deleted; SQLite has one writer anyway. */
export function lockEntitiesStep(
  writer: Writer,
  table: string,
  entityKey: readonly StoredColumn[],
  entities: readonly Readonly<Row>[],
): Step {
  const named = writer.texts.get(`lock ${table} ${columnShape(entityKey)}`, () => {
    const match = entityKey.map((key) => `t.${quote(key.name)} = x.${quote(key.name)}`).join(' AND ')
    const order = entityKey.map((key) => `t.${quote(key.name)}`).join(', ')
    return `SELECT 1 FROM ${quote(table)} AS t JOIN ${records(entityKey)} ON ${match} ORDER BY ${order} FOR UPDATE OF t`
  })
  const idle = entities.length === 0 || writer.dialect === 'sqlite'
  return { ...named, values: idle ? [] : [[recordsText(entityKey, entities)]] }
}
