import type { ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import type { Relation, Resource } from '../model/model.js'

/** Something without which a row cannot be created: a column, or a to-one relation by its name. */
export interface Requirement {
  readonly label: string
  readonly columns: readonly string[]
}

/** What writing a resource needs to know of it, worked out once. */
export interface WriteShape {
  readonly requirements: readonly Requirement[]
  readonly toOne: readonly ToOneDefinition[]
  /** Collections and inverse one-to-ones. */
  readonly toMany: ReadonlyMap<string, Exclude<Relation, ToOneDefinition>>
  /** Foreign keys of several columns: those that no key and no other relation has, which are given or empty together. */
  readonly composite: readonly { readonly relation: string; readonly columns: readonly string[] }[]
  /** `perm_*` fields. */
  readonly lists: ReadonlySet<string>
}

const shapes = new WeakMap<Resource, WriteShape>()

export function writeShape(resource: Resource): WriteShape {
  const known = shapes.get(resource)
  if (known !== undefined) return known
  const toOne = [...resource.relations.values()].filter((relation) => relation.kind === 'one')
  const requirements = resource.body.required.map((label): Requirement => {
    const relation = toOne.find((candidate) => candidate.name === label)
    return { label, columns: relation?.columns.map((pair) => pair.column) ?? [label] }
  })
  const shape: WriteShape = Object.freeze({
    requirements: Object.freeze(requirements),
    toOne: Object.freeze(toOne),
    toMany: new Map(
      [...resource.relations.values()].flatMap((relation) =>
        relation.kind === 'one' ? [] : [[relation.name, relation] as const],
      ),
    ),
    composite: Object.freeze(compositeKeys(resource, toOne)),
    lists: new Set(resource.permissions.map((rule) => rule.field)),
  })
  shapes.set(resource, shape)
  return shape
}

function compositeKeys(resource: Resource, toOne: readonly ToOneDefinition[]): WriteShape['composite'] {
  return toOne.flatMap((relation) => {
    const shared = (name: string): boolean =>
      resource.columns.get(name)?.role !== 'foreign' ||
      resource.columns.get(name)?.primary === true ||
      toOne.some((other) => other !== relation && other.columns.some(({ column }) => column === name))
    const columns = relation.columns.map(({ column }) => column).filter((name) => !shared(name))
    return columns.length > 1 ? [{ relation: relation.name, columns }] : []
  })
}

/** A foreign key of which one part would be empty and another not; by the part that is missing. */
export function halfKey(
  resource: Resource,
  values: Readonly<Row>,
): { readonly relation: string; readonly given: string; readonly missing: string } | null {
  for (const { relation, columns } of writeShape(resource).composite) {
    const given = columns.find((name) => (values[name] ?? null) !== null)
    const missing = columns.find((name) => (values[name] ?? null) === null)
    if (given !== undefined && missing !== undefined) return { relation, given, missing }
  }
  return null
}

/** The complete primary key among `values`, in declaration order, or null. */
export function keyOf(resource: Resource, values: Readonly<Row>): Key | null {
  const key: Record<string, unknown> = {}
  for (const column of resource.primaryKey) {
    const value = values[column.name]
    if (value === undefined || value === null) return null
    key[column.name] = value
  }
  return key
}

/** A text that two keys of a resource share exactly when they are equal. */
export function keyText(resource: Resource, key: Readonly<Row>): string {
  const [only, second] = resource.primaryKey
  if (only !== undefined && second === undefined) return String(key[only.name])
  return JSON.stringify(resource.primaryKey.map((column) => String(key[column.name])))
}

/** The same across resources. */
export const rowIdentity = (resource: Resource, key: Readonly<Row>): string =>
  `${resource.name} ${keyText(resource, key)}`
