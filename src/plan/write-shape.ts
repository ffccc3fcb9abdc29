import type { ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import type { Column, Model, Resource } from '../model/model.js'

/** Something without which a row cannot be created: a column, or a to-one relation by its name. */
export interface Requirement {
  readonly label: string
  readonly columns: readonly string[]
}

/** What writing a resource needs to know of it, worked out once. */
export interface WriteShape {
  readonly requirements: readonly Requirement[]
  readonly toOne: readonly ToOneDefinition[]
  /** `perm_*` fields. */
  readonly lists: ReadonlySet<string>
}

const shapes = new WeakMap<Resource, WriteShape>()

export function writeShape(model: Model, resource: Resource): WriteShape {
  const known = shapes.get(resource)
  if (known !== undefined) return known
  const toOne = [...resource.relations.values()].filter((relation) => relation.kind === 'one')
  const foreign = new Set(toOne.flatMap((relation) => relation.columns.map((pair) => pair.column)))
  const columns = [...resource.columns.values()]
    .filter((column) => !foreign.has(column.name) && isRequired(model, column))
    .map((column): Requirement => ({ label: column.name, columns: [column.name] }))
  const relations = toOne
    .filter((relation) => relation.constraint && (relation.required || holdsKey(resource, relation)))
    .map(
      (relation): Requirement => ({
        label: relation.name,
        columns: relation.columns.map((pair) => pair.column),
      }),
    )
  const shape: WriteShape = Object.freeze({
    requirements: Object.freeze([...columns, ...relations]),
    toOne: Object.freeze(toOne),
    lists: new Set(resource.permissions.map((rule) => rule.field)),
  })
  shapes.set(resource, shape)
  return shape
}

const holdsKey = (resource: Resource, relation: ToOneDefinition): boolean =>
  relation.columns.some((pair) => resource.columns.get(pair.column)?.primary === true)

/** Under `auth: off` a `default: user` column is an ordinary one. */
export function hasDefault(model: Model, column: Column): boolean {
  if (column.default === null) return false
  return column.default.kind !== 'user' || model.definition.auth
}

function isRequired(model: Model, column: Column): boolean {
  if (column.virtual || column.generated || column.role === 'version' || column.role === 'latest')
    return false
  return (column.required || column.primary) && !hasDefault(model, column)
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
