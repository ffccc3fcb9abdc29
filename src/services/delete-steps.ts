/** The statements of a delete: links and foreign keys first, then the rows, those that point before those pointed at. */
import type { ToOneDefinition } from '../config/definition.js'
import type { Row } from '../hooks.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { deleteStep, deleteTogetherStep, nullStep, updateStep, type Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import { latestStep } from '../managers/mutate/versions.js'
import type { Model, Resource } from '../model/model.js'
import { associationsOf, referrersOf } from '../model/referrers.js'
import { byResource, type Doomed, type DoomedRow } from './delete-collect.js'

export function deleteSteps(model: Model, writer: Writer, doomed: Doomed): readonly Step[] {
  const groups = new Map(byResource(doomed.rows))
  const { order, broken } = deletionOrder(model, [...groups.keys()])
  const rowsOf = (resource: Resource): readonly DoomedRow[] => groups.get(resource) ?? []
  return [
    ...doomed.released.map(({ referrer, keys }) =>
      nullStep(writer, referrer.source.table, columnsOf(referrer.source, referrer.relation), keys),
    ),
    ...order.flatMap((resource) => unlinkSteps(model, writer, resource, rowsOf(resource))),
    ...broken.map((edge) => clearStep(writer, edge, rowsOf(edge.source))),
    ...order.map((resource) =>
      deleteTogetherStep(
        writer,
        resource.table,
        resource.primaryKey,
        rowsOf(resource).map((row) => row.key),
      ),
    ),
    ...order.flatMap((resource) => latestSteps(writer, resource, rowsOf(resource))),
  ]
}

/** Empties the foreign key of the rows that go, and of no others that point at the same. */
function clearStep(writer: Writer, { source, relation }: Edge, rows: readonly DoomedRow[]): Step {
  const emptied = Object.fromEntries(relation.columns.map(({ column }) => [column, null]))
  return updateStep(
    writer,
    source.table,
    source.primaryKey,
    columnsOf(source, relation),
    rows.map(({ stored }) => ({ ...stored, ...emptied })),
  )
}

const columnsOf = (source: Resource, relation: ToOneDefinition): readonly StoredColumn[] =>
  relation.columns.map((pair) => source.columns.get(pair.column)).filter((column) => column !== undefined)

function unlinkSteps(
  model: Model,
  writer: Writer,
  resource: Resource,
  rows: readonly DoomedRow[],
): readonly Step[] {
  return associationsOf(model, resource).map(({ table, pairs }) =>
    deleteStep(
      writer,
      table,
      pairs.map((pair) => ({
        name: pair.column,
        type: resource.columns.get(pair.references)?.type ?? 'text',
      })),
      rows.map(
        (row): Row => Object.fromEntries(pairs.map((pair) => [pair.column, row.stored[pair.references]])),
      ),
    ),
  )
}

/** Deleting the newest version makes the one before it the latest. */
function latestSteps(writer: Writer, resource: Resource, rows: readonly DoomedRow[]): readonly Step[] {
  if (resource.versioned === false) return []
  const entities = rows.filter((row) => row.stored['is_latest'] === true).map((row) => row.stored)
  return entities.length === 0 ? [] : [latestStep(writer, resource.table, resource.entityKey, entities)]
}

interface Edge {
  readonly source: Resource
  readonly relation: ToOneDefinition
}

/**
 * Resources in an order in which whoever points goes before what it points at. Where they point at each other in a circle,
 * required foreign keys keep that order, which they can since they never form one, and optional ones of the rows that go
 * anyway are cleared first (`broken`).
 */
function deletionOrder(
  model: Model,
  resources: readonly Resource[],
): { readonly order: readonly Resource[]; readonly broken: readonly Edge[] } {
  const involved = new Set(resources)
  const edgesTo = (resource: Resource): readonly Edge[] =>
    referrersOf(model, resource).filter(({ source }) => involved.has(source) && source !== resource)
  const against = (order: readonly Resource[]): readonly Edge[] =>
    order.flatMap((resource, position) =>
      edgesTo(resource).filter(({ source }) => order.indexOf(source) > position),
    )
  const order = sorted(resources, edgesTo)
  const broken = against(order)
  if (broken.every(({ relation }) => !relation.required)) return { order, broken }
  const required = sorted(resources, (resource) =>
    edgesTo(resource).filter(({ relation }) => relation.required),
  )
  return { order: required, broken: against(required) }
}

/** Depth first: the sources of the edges to a resource come before it, unless a circle leads back. */
function sorted(
  resources: readonly Resource[],
  edgesTo: (resource: Resource) => readonly Edge[],
): readonly Resource[] {
  const done = new Set<Resource>()
  const open = new Set<Resource>()
  const visit = (resource: Resource): void => {
    if (done.has(resource) || open.has(resource)) return
    open.add(resource)
    for (const { source } of edgesTo(resource)) visit(source)
    open.delete(resource)
    done.add(resource)
  }
  for (const resource of resources) visit(resource)
  return [...done]
}
