/** The rows that a release copies, found level by level: those whose keys must be known here. */
import type { ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { decodeRow, type Lock, lookupStatement, storedColumns } from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Model, Resource } from '../model/model.js'
import type { CloneEdge, ClonePlan, CloneResource } from '../plan/clones.js'
import { keyOf, keyText } from '../plan/write-shape.js'
import { hasHooks } from './hooks/run.js'
import { inOrder } from './write-load.js'

/** A row that will be copied. */
export interface Original {
  readonly resource: Resource
  readonly key: Key
  /** Its columns: all of them where a hook will see it, else those that a copy needs. */
  readonly row: Readonly<Row>
  /** The first way it was found: relation and key of the row above. */
  readonly via: { readonly resource: string; readonly relation: string; readonly key: Key }
  readonly depth: number
}

/** Originals by resource and by the text of their key, in the order in which they were found. */
export type Originals = ReadonlyMap<string, ReadonlyMap<string, Original>>

export interface Collecting {
  readonly model: Model
  readonly writer: Writer
  readonly db: Queryable
  readonly lock: Lock
}

export async function collectOriginals(
  collecting: Collecting,
  plan: ClonePlan,
  root: Resource,
  rootKey: Key,
): Promise<Originals> {
  const found = new Map<string, Map<string, Original>>()
  const specs = new Map(plan.resources.map((spec) => [spec.name, spec]))
  const edges = plan.resources.flatMap((spec) => spec.edges)
  let frontier = new Map<string, readonly Key[]>([[root.name, [rootKey]]])
  for (let depth = 1; frontier.size > 0; depth++) {
    const wanted = depth === 1 ? plan.first : edges.filter((edge) => frontier.has(edge.parent))
    const next = new Map<string, Key[]>()
    const asked = wanted.filter((edge) => specs.get(edge.child)?.leaf === false)
    const answers = await inOrder(
      collecting.db,
      asked.map(
        (edge) => () => childrenOf(collecting, specs.get(edge.child), edge, frontier.get(edge.parent) ?? []),
      ),
    )
    for (const child of answers.flat()) {
      const known = found.get(child.resource.name) ?? new Map<string, Original>()
      found.set(child.resource.name, known)
      const text = keyText(child.resource, child.key)
      // A circle of rows ends where it began: the released row has its copy already.
      const isRoot = child.resource === root && text === keyText(root, rootKey)
      if (known.has(text) || isRoot) continue
      known.set(text, { ...child, depth })
      next.set(child.resource.name, [...(next.get(child.resource.name) ?? []), child.key])
    }
    frontier = next
  }
  return found
}

type Child = Omit<Original, 'depth'>

async function childrenOf(
  { model, writer, db, lock }: Collecting,
  spec: CloneResource | undefined,
  edge: CloneEdge,
  parents: readonly Key[],
): Promise<readonly Child[]> {
  if (spec === undefined || parents.length === 0) return []
  const resource = model.resource(edge.child)
  const pairs = toOneOf(resource, edge.via).columns
  const by = columnsNamed(
    resource,
    pairs.map((pair) => pair.column),
  )
  const wanted = parents.map((key) =>
    Object.fromEntries(pairs.map((pair) => [pair.column, key[pair.references]])),
  )
  const columns = hookedClone(resource) ? storedColumns(resource) : neededColumns(resource, spec)
  const rows = await db.query(
    lookupStatement(writer, resource, wanted, lock, by, { table: resource.table, columns }),
  )
  return rows.flatMap((values): Child[] => {
    const row = decodeRow(columns, values)
    const key = keyOf(resource, row)
    if (key === null) return []
    const above = Object.fromEntries(pairs.map((pair) => [pair.references, row[pair.column]]))
    return [{ resource, key, row, via: { resource: edge.parent, relation: edge.relation, key: above } }]
  })
}

export const hookedClone = (resource: Resource): boolean =>
  hasHooks(resource, 'clone', 'prefix') || hasHooks(resource, 'clone', 'postfix')

export function toOneOf(resource: Resource, name: string): ToOneDefinition {
  const relation = resource.relations.get(name)
  if (relation?.kind !== 'one') throw new TypeError(`${resource.name}.${name} is no to-one relation`)
  return relation
}

export const columnsNamed = (resource: Resource, names: readonly string[]): readonly StoredColumn[] =>
  names.map((name) => resource.columns.get(name)).filter((column) => column !== undefined)

/** Keys, and the foreign keys that may point at copied rows. */
function neededColumns(resource: Resource, spec: CloneResource): readonly StoredColumn[] {
  const names = new Set([
    ...resource.primaryKey.map((column) => column.name),
    ...spec.edges.flatMap((edge) => foreignKey(resource, edge.via)),
    ...spec.followed.flatMap((name) => foreignKey(resource, name)),
    ...ownersOf(resource).flatMap((relation) => relation.columns.map((pair) => pair.column)),
  ])
  return columnsNamed(resource, [...names])
}

const foreignKey = (resource: Resource, name: string): readonly string[] =>
  toOneOf(resource, name).columns.map((pair) => pair.column)

const ownersOf = (resource: Resource): readonly ToOneDefinition[] =>
  [...resource.relations.values()].filter((relation) => relation.kind === 'one')
