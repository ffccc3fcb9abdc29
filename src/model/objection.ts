/**
 * Objection models of all resources, for postfix hooks: `ctx.models.File.query()`. Values have their JSON form on both
 * databases; hidden columns are there, virtual ones are not stored.
 */
import { createRequire } from 'node:module'
import type { Knex } from 'knex'
import type { Model as ObjectionModel, Pojo, RelationMappings } from 'objection'
import type { ColumnPair } from '../config/definition.js'
import type { Models } from '../hooks.js'
import type { Column, Model, Relation, Resource } from './model.js'
import { canonical } from './values.js'

/** Resource name → model, bound to a transaction. */
export type BoundModels = Models

type Classes = ReadonlyMap<string, typeof ObjectionModel>

/** Only hooks need Objection: loading it takes longer than the rest of a start. */
const load = createRequire(import.meta.url)

/** The models are made at the first use and bound to each knex as they are asked for. */
export function objectionModels(model: Model): (knex: Knex) => BoundModels {
  let classes: Classes | undefined
  const bound = new WeakMap<Knex, BoundModels>()
  return (knex) => {
    const known = bound.get(knex)
    if (known !== undefined) return known
    classes ??= modelClasses(model)
    const models = bind(classes, knex)
    bound.set(knex, models)
    return models
  }
}

/** Binding a model costs time for each of its relations, so it waits until a hook names it. */
function bind(classes: Classes, knex: Knex): BoundModels {
  const models: Record<string, Models[string]> = {}
  for (const [name, modelClass] of classes) {
    Object.defineProperty(models, name, {
      enumerable: true,
      get: () => modelClass.bindKnex(knex),
    })
  }
  return Object.freeze(models)
}

function modelClasses(model: Model): Classes {
  const { Model: Base } = load('objection') as typeof import('objection')
  const classes = new Map<string, typeof ObjectionModel>()
  const classOf = (name: string): typeof ObjectionModel => {
    const found = classes.get(name)
    if (found === undefined) throw new Error(`there is no model of ${name}`)
    return found
  }
  for (const resource of model.resources.values()) {
    classes.set(resource.name, modelClass(Base, model, resource, classOf))
  }
  return classes
}

type ClassOf = (name: string) => typeof ObjectionModel

function modelClass(
  Base: typeof ObjectionModel,
  model: Model,
  resource: Resource,
  classOf: ClassOf,
): typeof ObjectionModel {
  const special = [...resource.columns.values()].filter(
    (column) => column.virtual || SPECIAL.has(column.type) || column.type === 'boolean',
  )
  const Class = class extends Base {
    static override tableName = resource.table
    static override idColumn = resource.primaryKey.map((column) => column.name)
    static override jsonAttributes = []
    static override get relationMappings() {
      return relationMappings(Base, model, resource, classOf)
    }

    override $parseDatabaseJson(json: Pojo): Pojo {
      const row = super.$parseDatabaseJson(json)
      for (const column of special)
        if (row[column.name] != null) row[column.name] = parsed(column, row[column.name])
      return row
    }

    override $formatDatabaseJson(json: Pojo): Pojo {
      const row = super.$formatDatabaseJson(json)
      for (const column of special) format(row, column)
      return row
    }
  }
  Object.defineProperty(Class, 'name', { value: resource.name })
  return Class
}

/** Types whose stored form is not always their JSON form. */
const SPECIAL = new Set(['json', 'datetime', 'decimal', 'uuid'])

function parsed(column: Column, value: unknown): unknown {
  if (column.type === 'boolean') return value === true || value === 1
  if (column.type === 'json') return typeof value === 'string' ? JSON.parse(value) : value
  return value
}

function format(row: Pojo, column: Column): void {
  const value: unknown = row[column.name]
  if (column.virtual) delete row[column.name]
  // Anything but a plain value is an expression of a query builder.
  else if (value == null || isExpression(value)) return
  else if (column.type === 'json') row[column.name] = JSON.stringify(value)
  else row[column.name] = canonical(column, value)
}

const isExpression = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ('toKnexRaw' in value || 'toSQL' in value || 'isObjectionModel' in value)

const columnsOf = (table: string, pairs: readonly ColumnPair[], side: keyof ColumnPair): string[] =>
  pairs.map((pair) => `${table}.${pair[side]}`)

function relationMappings(
  Base: typeof ObjectionModel,
  model: Model,
  resource: Resource,
  classOf: ClassOf,
): RelationMappings {
  return Object.fromEntries(
    [...resource.relations.values()].map((relation) => {
      const target = model.resource(relation.target)
      return [
        relation.name,
        {
          relation: RELATIONS[relation.kind](Base),
          modelClass: () => classOf(relation.target),
          join: joinOf(resource.table, target.table, relation),
        },
      ]
    }),
  )
}

const RELATIONS: Readonly<
  Record<Relation['kind'], (Base: typeof ObjectionModel) => typeof Base.HasManyRelation>
> = {
  one: (Base) => Base.BelongsToOneRelation,
  many: (Base) => Base.HasManyRelation,
  inverse_one: (Base) => Base.HasOneRelation,
  through: (Base) => Base.ManyToManyRelation,
}

function joinOf(table: string, target: string, relation: Relation) {
  if (relation.kind === 'through') {
    return {
      from: columnsOf(table, relation.own, 'references'),
      through: {
        from: columnsOf(relation.table, relation.own, 'column'),
        to: columnsOf(relation.table, relation.other, 'column'),
      },
      to: columnsOf(target, relation.other, 'references'),
    }
  }
  return relation.kind === 'one'
    ? {
        from: columnsOf(table, relation.columns, 'column'),
        to: columnsOf(target, relation.columns, 'references'),
      }
    : {
        from: columnsOf(table, relation.columns, 'references'),
        to: columnsOf(target, relation.columns, 'column'),
      }
}
