/** Component schemas: what a resource looks like when read, and what a client may write. */
import { isWritable } from '../../model/body.js'
import { columnSchema } from '../../model/columns-schema.js'
import type { Column, Model, Relation, Resource } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'

export const reference = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })
export const writeName = (resource: string): string => `${resource}Write`

export function resourceSchemas(model: Model): Readonly<Record<string, JsonSchema>> {
  const all = [...model.resources.values()]
  return Object.fromEntries([
    ...all.map((resource) => [resource.name, readSchema(resource)] as const),
    ...all
      .filter(({ internal }) => !internal)
      .map((resource) => [writeName(resource.name), writeSchema(model, resource)] as const),
    ...(all.some(({ permissions }) => permissions.length > 0) ? [['GroupList', GROUP_LIST] as const] : []),
  ])
}

/** Shown in answers: all columns but hidden ones and those that are only accepted (a password). */
export const isShown = (column: Column): boolean => !column.hidden && (!column.virtual || column.readonly)

const describedBy = (description: string | null): JsonSchema => (description === null ? {} : { description })

/**
 * No property is required: `fields` narrows an answer, relations are shown one level deep, and who may write a row
 * but not read it gets the key only.
 */
function readSchema(resource: Resource): JsonSchema {
  const columns = [...resource.columns.values()].filter(isShown)
  return {
    ...describedBy(resource.description),
    type: 'object',
    properties: {
      ...Object.fromEntries(
        columns.map((column) => [column.name, { ...columnSchema(column), ...readonlyMark(column) }]),
      ),
      ...Object.fromEntries(
        [...resource.relations.values()].map((relation) => [
          relation.name,
          related(relation, relation.target),
        ]),
      ),
      ...permissionProperties(resource),
    },
  }
}

const readonlyMark = (column: Column): JsonSchema => (column.readonly ? { readOnly: true } : {})

/** To-one: the object or null; to-many: an array. */
function related({ kind, description }: Relation, schema: string): JsonSchema {
  if (kind === 'one' || kind === 'inverse_one') {
    return { ...describedBy(description), anyOf: [reference(schema), { type: 'null' }] }
  }
  return { ...describedBy(description), type: 'array', items: reference(schema) }
}

/** In every object of a tree all keys are optional; what creating needs is said in the description. */
function writeSchema(model: Model, resource: Resource): JsonSchema {
  const { auth } = model.definition
  const columns = [...resource.columns.values()].filter((column) => isWritable(column, auth))
  const relations = [...resource.relations.values()].filter(
    (relation) =>
      !model.resource(relation.target).internal && (relation.kind !== 'one' || relation.constraint),
  )
  const { required } = resource.body
  const needs = required.length === 0 ? 'Creating needs no field.' : `Creating needs: ${required.join(', ')}.`
  return {
    description: `${needs} With the whole key the object is an existing row, updated by the fields given.`,
    type: 'object',
    properties: {
      ...Object.fromEntries(
        columns.map((column) => [column.name, { ...columnSchema(column), ...writeOnlyMark(column) }]),
      ),
      ...Object.fromEntries(
        relations.map((relation) => [relation.name, related(relation, writeName(relation.target))]),
      ),
      ...permissionProperties(resource),
    },
    additionalProperties: false,
  }
}

const writeOnlyMark = (column: Column): JsonSchema => (column.virtual ? { writeOnly: true } : {})

/** Rules of one field share it: the union of their verbs. */
function permissionProperties({ permissions }: Resource): JsonSchema {
  const verbs = new Map<string, Set<string>>()
  for (const rule of permissions)
    verbs.set(rule.field, new Set([...(verbs.get(rule.field) ?? []), ...rule.verbs]))
  return Object.fromEntries(
    [...verbs].map(([field, names]) => [
      field,
      {
        description: 'Who may what, for callers who may update the object.',
        type: ['object', 'null'],
        properties: Object.fromEntries(
          [...names].map((verb) => [verb, { anyOf: [reference('GroupList'), { type: 'null' }] }]),
        ),
        additionalProperties: false,
      },
    ]),
  )
}

const GROUP_LIST: JsonSchema = {
  description:
    'A list of groups; empty or absent: no restriction. Written with its `id` it adds, without it replaces.',
  type: 'object',
  properties: {
    id: { type: 'integer' },
    groups: {
      type: 'array',
      items: { type: 'object', required: ['path'], properties: { path: { type: 'string' } } },
    },
  },
}
