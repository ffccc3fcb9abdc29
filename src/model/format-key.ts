import type { Key } from '../hooks.js'
import type { Resource } from './model.js'

/** `{ id: 12, version: 3 }` → `12_3`: primary-key values in declaration order joined by `_`, as paths have them. */
export function formatKey(resource: Pick<Resource, 'primaryKey'>, key: Key): string {
  return resource.primaryKey.map((column) => String(key[column.name])).join('_')
}

/** `/datasets/12_3`: percent-encoded, without the base path. */
export function rowPath(resource: Pick<Resource, 'primaryKey' | 'path'>, key: Key): string {
  return `/${resource.path}/${encodeURIComponent(formatKey(resource, key))}`
}
