/**
 * The history record: who wrote what, in the transaction that wrote it. What must not be remembered is removed first:
 * hidden columns, virtual ones (passwords), and keys that no resource knows.
 */
import type { Key, Row } from '../hooks.js'
import { historyStep } from '../managers/mutate/history.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import { formatKey } from '../model/format-key.js'
import type { Model, Resource } from '../model/model.js'
import type { RequestContext } from './core.js'

/** One row that a request was about. `body`: what it gave for it, null for a delete. */
export interface HistoryEntry {
  readonly resource: Resource
  readonly key: Key
  readonly body: unknown
}

export function historySteps(
  model: Model,
  writer: Writer,
  request: RequestContext,
  entries: readonly HistoryEntry[],
): readonly Step[] {
  const at = new Date().toISOString()
  return [
    historyStep(
      writer,
      entries.map((entry) => ({
        at,
        username: request.caller?.username ?? null,
        method: request.method,
        path: request.path,
        resource: entry.resource.name,
        key: formatKey(entry.resource, entry.key),
        body: entry.body === null ? null : recordable(model, entry.resource, entry.body),
        request_id: request.id,
      })),
    ),
  ]
}

/** A copy of `data` without what must not be remembered, nested objects included. */
export function recordable(model: Model, resource: Resource, data: unknown): unknown {
  if (Array.isArray(data)) return data.map((item) => recordable(model, resource, item))
  if (typeof data !== 'object' || data === null) return data
  const kept: Row = {}
  for (const [name, value] of Object.entries(data)) {
    const column = resource.columns.get(name)
    const relation = resource.relations.get(name)
    if (column !== undefined && !column.hidden && !column.virtual) kept[name] = value
    else if (relation !== undefined) kept[name] = recordable(model, model.resource(relation.target), value)
    else if (resource.permissions.some((rule) => rule.field === name)) kept[name] = value
  }
  return kept
}
