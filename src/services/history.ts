/**
 * The history record: who wrote what, in the transaction that wrote it. What must not be remembered is removed first:
 * hidden columns and virtual ones (passwords).
 */
import type { Key, Row } from '../hooks.js'
import { type HistoryRow, historyStep } from '../managers/mutate/history.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import { formatKey } from '../model/format-key.js'
import type { Model, Resource } from '../model/model.js'
import type { RequestContext } from './core.js'

/** What a request was about: one object, or several of one resource. */
export interface HistoryEntry {
  readonly resource: Resource
  readonly keys: readonly Key[]
  /** The body is an array, though it may hold one object. */
  readonly many: boolean
  /** As sent, after the prefix hooks; null for a delete. */
  readonly body: unknown
}

export const historySteps = (
  model: Model,
  writer: Writer,
  request: RequestContext,
  entry: HistoryEntry,
): readonly Step[] => [historyStep(writer, historyRow(model, request, entry))]

export function historyRow(model: Model, request: RequestContext, entry: HistoryEntry): HistoryRow {
  const { resource, keys, many, body } = entry
  const [first] = keys
  return {
    at: new Date().toISOString(),
    username: request.caller?.username ?? null,
    method: request.method,
    path: request.path,
    resource: resource.name,
    key: many || first === undefined ? null : formatKey(resource, first),
    keys: many ? JSON.stringify(keys.map((key) => formatKey(resource, key))) : null,
    body: body === null || body === undefined ? null : JSON.stringify(recordable(model, resource, body)),
    request_id: request.id,
  }
}

/** `data` without what must not be remembered, nested objects included; itself when there is nothing to remove. */
export function recordable(model: Model, resource: Resource, data: unknown): unknown {
  return keepsSecrets(model, resource) ? withoutSecrets(model, resource, data) : data
}

function withoutSecrets(model: Model, resource: Resource, data: unknown): unknown {
  if (Array.isArray(data)) return data.map((item) => withoutSecrets(model, resource, item))
  if (typeof data !== 'object' || data === null) return data
  const kept: Row = {}
  for (const [name, value] of Object.entries(data)) {
    const column = resource.columns.get(name)
    const relation = resource.relations.get(name)
    if (column !== undefined) {
      if (!column.hidden && !column.virtual) kept[name] = value
    } else if (relation !== undefined) {
      kept[name] = withoutSecrets(model, model.resource(relation.target), value)
    } else kept[name] = value
  }
  return kept
}

const secretive = new WeakMap<Resource, boolean>()

/** A tree that starts at `resource` can hold columns that must not be remembered. */
function keepsSecrets(model: Model, resource: Resource): boolean {
  const known = secretive.get(resource)
  if (known !== undefined) return known
  const seen = new Set<Resource>()
  const search = (current: Resource): boolean => {
    if (seen.has(current)) return false
    seen.add(current)
    if ([...current.columns.values()].some((column) => column.hidden || column.virtual)) return true
    return [...current.relations.values()].some((relation) => search(model.resource(relation.target)))
  }
  const found = search(resource)
  secretive.set(resource, found)
  return found
}
