/**
 * What a prefix hook may leave behind: known columns and relations, plain values, the key that the caller gave, and the
 * same of the objects nested in them, which the hook may have added.
 */
import type { PrefixItem } from '../../hooks.js'
import type { Column, Model, Resource } from '../../model/model.js'
import { canonical } from '../../model/values.js'

type Keys = readonly (readonly unknown[])[]

/** The primary keys as given before a hook runs, to be compared after it. */
export function keysBefore(resource: Resource, items: readonly PrefixItem[]): Keys {
  return items.map(({ data }) => resource.primaryKey.map((column) => data[column.name] ?? null))
}

/** Null when all is well, else what the hook did, as the rest of a sentence that starts with its name. */
export function checkData(
  model: Model,
  resource: Resource,
  items: readonly PrefixItem[],
  before: Keys,
): string | null {
  const { treeDepth } = model.definition.server.limits
  let index = 0
  for (const item of items) {
    const place = items.length === 1 ? '' : ` (item ${index})`
    const fault = objectFault(model, resource, item.data, '', treeDepth)
    if (fault !== null) return `${fault}${place}`
    if (item.key !== null && !keepsKey(resource, item, before[index] ?? []))
      return `changed the primary key${place}`
    index += 1
  }
  return null
}

/** `at`: JSON pointer from the hook's item. `depth`: levels that are still looked at; the plan refuses deeper ones. */
function objectFault(
  model: Model,
  resource: Resource,
  data: unknown,
  at: string,
  depth: number,
): string | null {
  const where = at === '' ? '' : ` in ${at}`
  if (!isObject(data)) return at === '' ? 'left no object as its data' : `left no object${where}`
  for (const key of Object.keys(data)) {
    const fault = valueFault(resource, key, data[key])
    if (fault !== null) return `left ${fault}${where}`
  }
  const fault = resource.body.completed(data)
  if (fault !== null) return `left a value that does not fit${where}: ${fault}`
  return depth === 0 ? null : nestedFault(model, resource, data, at, depth - 1)
}

function nestedFault(
  model: Model,
  resource: Resource,
  data: Readonly<Record<string, unknown>>,
  at: string,
  depth: number,
): string | null {
  for (const { name, target } of resource.relations.values()) {
    const nested = data[name]
    if (!isNested(nested)) continue
    const children = Array.isArray(nested) ? [...nested.entries()] : ([[null, nested]] as const)
    for (const [index, child] of children) {
      const place = index === null ? name : `${name}/${index}`
      const fault = objectFault(model, model.resource(target), child, `${at}/${place}`, depth)
      if (fault !== null) return fault
    }
  }
  return null
}

const isNested = (value: unknown): boolean => typeof value === 'object' && value !== null

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isNested(value) && !Array.isArray(value)

function valueFault(resource: Resource, key: string, value: unknown): string | null {
  if (!isKnown(resource, key)) return `the unknown column "${key}"`
  if (value instanceof Promise) return `a promise in "${key}", which must be awaited`
  const relation = resource.relations.get(key)
  if (relation !== undefined) {
    const many = relation.kind === 'many' || relation.kind === 'through'
    if (value === null || value === undefined || Array.isArray(value) === many) return null
    return many ? `no array in "${key}"` : `an array in "${key}"`
  }
  const broken =
    typeof value === 'string' ? BROKEN.test(value) : isBrokenJson(resource.columns.get(key), value)
  return broken ? `a NUL, half of a surrogate pair or what is no JSON in "${key}"` : null
}

/** What bodies of clients are checked for on their bytes, and databases change or refuse, each in its own way. */
function isBrokenJson(column: Column | undefined, value: unknown): boolean {
  if (column?.type !== 'json' || !isNested(value)) return false
  try {
    return BROKEN_ESCAPE.test(JSON.stringify(value) ?? '')
  } catch {
    return true
  }
}

const BROKEN = /[\0\p{Surrogate}]/u
/** `\u0000` or a lone half, as `JSON.stringify` writes them; a backslash before it may be escaped itself. */
const BROKEN_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/

function isKnown(resource: Resource, key: string): boolean {
  return (
    resource.columns.has(key) ||
    resource.relations.has(key) ||
    resource.permissions.some((rule) => rule.field === key)
  )
}

/** Each part of the key is as it was, or what the path says. */
function keepsKey(resource: Resource, { key, data }: PrefixItem, before: readonly unknown[]): boolean {
  return resource.primaryKey.every((column, index) => {
    const value = data[column.name] ?? null
    return value === before[index] || (value !== null && canonical(column, value) === key?.[column.name])
  })
}
