/** What a prefix hook may leave behind: known columns and relations, plain values, the key that the caller gave. */
import type { PrefixItem } from '../../hooks.js'
import type { Resource } from '../../model/model.js'

/** The primary keys as JSON, before a hook runs, to be compared after it. */
export function keysBefore(resource: Resource, items: readonly PrefixItem[]): readonly string[] {
  return items.map((item) => keyText(resource, item))
}

/** Null when all is well, else what the hook did, as the rest of a sentence that starts with its name. */
export function checkData(
  resource: Resource,
  items: readonly PrefixItem[],
  before: readonly string[],
): string | null {
  for (const [index, item] of items.entries()) {
    const place = items.length === 1 ? '' : ` (item ${index})`
    const data: unknown = item.data
    if (data === null || typeof data !== 'object' || Array.isArray(data))
      return `left no object as its data${place}`
    const stray = Object.keys(data).find((key) => !isKnown(resource, key))
    if (stray !== undefined) return `left the unknown column "${stray}"${place}`
    const floating = Object.entries(data).find(([, value]) => value instanceof Promise)
    if (floating !== undefined) return `left a promise in "${floating[0]}"${place}: await it`
    const fault = resource.body.completed(data)
    if (fault !== null) return `left a value that does not fit${place}: ${fault}`
    if (item.key !== null && keyText(resource, item) !== before[index])
      return `changed the primary key${place}`
  }
  return null
}

function isKnown(resource: Resource, key: string): boolean {
  return (
    resource.columns.has(key) ||
    resource.relations.has(key) ||
    resource.permissions.some((rule) => rule.field === key)
  )
}

function keyText(resource: Resource, item: PrefixItem): string {
  return JSON.stringify(resource.primaryKey.map((column) => item.data[column.name] ?? null))
}
