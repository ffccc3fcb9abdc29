/**
 * The copies that a release makes: their keys, where their references lead, and the statements, one for each table. A
 * reference among copied rows points at the copy, every other one where the original's does.
 */
import { randomUUID } from 'node:crypto'
import type { ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import { type CopiedRow, copyListSteps } from '../managers/access-lists.js'
import type { Queryable } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { type Copied, copyChildrenStep, copyStep } from '../managers/mutate/copy.js'
import { storedColumns } from '../managers/mutate/lookup.js'
import { insertStep, updateStep, type Writer } from '../managers/mutate/rows.js'
import { allocateKeys } from '../managers/mutate/sequence.js'
import type { Step } from '../managers/mutate/step.js'
import type { Column, Model, Resource } from '../model/model.js'
import { isUniquePart } from '../model/unique.js'
import type { CloneEdge, ClonePlan, CloneResource } from '../plan/clones.js'
import { keyOf, keyText } from '../plan/write-shape.js'
import { columnsNamed, type Original, type Originals, toOneOf } from './release-collect.js'
import { entityText } from './write-load.js'

/** An original and what becomes of it. */
export interface Clone {
  readonly original: Original
  readonly key: Key
  /** Columns in which the copy differs. */
  readonly values: Readonly<Row>
  /** What prefix hooks gave. */
  readonly data: Readonly<Row>
}

/** The released row and its new version. */
export interface RootCopy {
  readonly resource: Resource
  readonly from: Key
  readonly to: Key
}

/** Values that prefix hooks gave, by resource and text of the original's key. */
export type Overrides = ReadonlyMap<string, ReadonlyMap<string, Readonly<Row>>>

export interface Copying {
  readonly model: Model
  readonly writer: Writer
  readonly db: Queryable
  readonly plan: ClonePlan
  readonly root: RootCopy
  readonly originals: Originals
  readonly overrides: Overrides
}

/** Where rows went: resource → text of the old key → new key. */
export class Mapping {
  readonly #model: Model
  readonly #keys = new Map<string, Map<string, Key>>()

  constructor(model: Model, root: RootCopy) {
    this.#model = model
    this.set(root.resource, root.from, root.to)
  }

  set(resource: Resource, from: Key, to: Key): void {
    const keys = this.#keys.get(resource.name) ?? new Map<string, Key>()
    keys.set(keyText(resource, from), to)
    this.#keys.set(resource.name, keys)
  }

  get(resource: Resource, from: Readonly<Row>): Key | undefined {
    const key = keyOf(resource, from)
    return key === null ? undefined : this.#keys.get(resource.name)?.get(keyText(resource, key))
  }

  /** The foreign key of a copy: that of the original, or the copy of what it points at. Undefined: as it was. */
  follow(relation: ToOneDefinition, row: Readonly<Row>): Row | undefined {
    const target = this.#model.resource(relation.target)
    const old = Object.fromEntries(
      relation.columns.map((pair) => [pair.references, row[pair.column] ?? null]),
    )
    const key = this.get(target, old)
    return key && Object.fromEntries(relation.columns.map((pair) => [pair.column, key[pair.references]]))
  }
}

export interface Copies {
  readonly mapping: Mapping
  readonly clones: ReadonlyMap<string, readonly Clone[]>
  /** In order: rows, leaves, references among them, lists. Links are copied apart (release-links.ts). */
  readonly steps: readonly Step[]
}

export async function planCopies(copying: Copying): Promise<Copies> {
  const { model, plan, root, originals } = copying
  const mapping = new Mapping(model, root)
  const clones = new Map<string, readonly Clone[]>()
  const steps: Step[] = []
  for (const spec of plan.resources) {
    if (spec.leaf) continue
    const resource = model.resource(spec.name)
    const rows = [...(originals.get(spec.name)?.values() ?? [])]
    if (rows.length === 0) continue
    await giveKeys(copying, resource, spec, rows, mapping)
    const made = rows.map((original) => cloneOf(copying, resource, spec, original, mapping))
    clones.set(spec.name, withLatest(resource, made))
    steps.push(...insertSteps(copying, resource, clones.get(spec.name) ?? []))
  }
  for (const spec of plan.resources) if (spec.leaf) steps.push(...leafSteps(copying, spec, mapping))
  for (const [name, made] of clones) steps.push(...deferredSteps(copying, name, made, mapping))
  for (const [name, made] of clones) {
    const copied = made.map(({ original, key }): CopiedRow => ({ from: original.key, to: key }))
    steps.push(...copyListSteps(copying.writer, model.resource(name), copied))
  }
  return { mapping, clones, steps }
}

/** Generated parts are new, one for each entity; parts that follow a copied row follow its copy. */
async function giveKeys(
  { writer, db }: Copying,
  resource: Resource,
  spec: CloneResource,
  rows: readonly Original[],
  mapping: Mapping,
): Promise<void> {
  const entities = new Map<string, Row>()
  for (const { key } of rows) entities.set(entityText(resource, key), {})
  const numbers = await allocateKeys(writer, db, resource, entities.size)
  ;[...entities.values()].forEach((fresh, index) => {
    for (const column of resource.entityKey) {
      if (column === resource.generatedKey) fresh[column.name] = numbers[index]
      else if (isGenerated(column)) fresh[column.name] = randomUUID()
    }
  })
  for (const { key, row } of rows) {
    const moved = spec.followed.map((name) => mapping.follow(toOneOf(resource, name), row) ?? {})
    const given: Row = Object.assign({}, key, ...moved, entities.get(entityText(resource, key)))
    mapping.set(resource, key, keyOf(resource, given) ?? key)
  }
}

const isGenerated = (column: Column): boolean => column.generated || column.default?.kind === 'uuid'

function cloneOf(
  { overrides }: Copying,
  resource: Resource,
  spec: CloneResource,
  original: Original,
  mapping: Mapping,
): Clone {
  const data = overrides.get(resource.name)?.get(keyText(resource, original.key)) ?? {}
  const values: Row = {}
  for (const name of spec.followed) {
    const relation = toOneOf(resource, name)
    const own = relation.columns.map((pair) => [pair.column, original.row[pair.column] ?? null] as const)
    // Until its target is there, a unique reference must not be the original's own.
    const waiting = Object.fromEntries(
      isUniquePart(resource, relation) ? own.map(([column]) => [column, null]) : own,
    )
    const now = spec.deferred.includes(name) ? waiting : mapping.follow(relation, original.row)
    Object.assign(values, now ?? Object.fromEntries(own))
  }
  const stored = storedColumns(resource).map((column) => column.name)
  for (const [name, value] of Object.entries(data)) if (stored.includes(name)) values[name] = value
  const key = mapping.get(resource, original.key) ?? original.key
  return { original, key, values: { ...values, ...key }, data }
}

/** Among the copied versions of an entity the newest is its latest. */
function withLatest(resource: Resource, clones: readonly Clone[]): readonly Clone[] {
  if (resource.versioned === false) return clones
  const newest = lastVersions(resource, clones)
  return clones.map((clone) => ({
    ...clone,
    values: {
      ...clone.values,
      is_latest: newest.get(entityText(resource, clone.key)) === clone.key['version'],
    },
  }))
}

function lastVersions(resource: Resource, clones: readonly Clone[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>()
  for (const { key } of clones) {
    const entity = entityText(resource, key)
    newest.set(entity, Math.max(newest.get(entity) ?? 0, Number(key['version'])))
  }
  return newest
}

function insertSteps({ writer }: Copying, resource: Resource, clones: readonly Clone[]): readonly Step[] {
  const names = new Set(clones.flatMap((clone) => Object.keys(clone.values)))
  const changed = storedColumns(resource).filter((column) => names.has(column.name))
  const copied = clones.map(
    ({ original, values }): Copied => ({
      from: original.key,
      // Every row has a value in every column that some row changes.
      values: Object.fromEntries(
        changed.map(({ name }) => [name, name in values ? values[name] : original.row[name]]),
      ),
    }),
  )
  return [
    ...entitySteps(writer, resource, clones),
    copyStep(writer, resource.table, resource.primaryKey, storedColumns(resource), changed, copied),
  ]
}

function entitySteps(writer: Writer, resource: Resource, clones: readonly Clone[]): readonly Step[] {
  if (resource.entityTable === null) return []
  const columns: readonly StoredColumn[] = [...resource.entityKey, { name: 'last_version', type: 'integer' }]
  const newest = lastVersions(resource, clones)
  const entities = new Map(clones.map((clone) => [entityText(resource, clone.key), clone.key]))
  return [
    insertStep(
      writer,
      resource.entityTable,
      columns,
      [...entities].map(([text, key]): Row => ({ ...key, last_version: newest.get(text) ?? 1 })),
    ),
  ]
}

/** Children whose keys nobody needs: copied by one statement from the keys of their parents. */
function leafSteps(copying: Copying, spec: CloneResource, mapping: Mapping): readonly Step[] {
  const { model, plan, root, originals, writer } = copying
  const resource = model.resource(spec.name)
  const key = resource.generatedKey
  const edge = [...plan.first, ...spec.edges].find((candidate) => candidate.child === spec.name)
  if (key === null || edge === undefined) return []
  const parents =
    edge.parent === root.resource.name && plan.first.includes(edge)
      ? [root.from]
      : [...(originals.get(edge.parent)?.values() ?? [])].map((original) => original.key)
  return [leafStep(writer, model, resource, key, edge, parents, mapping)]
}

function leafStep(
  writer: Writer,
  model: Model,
  resource: Resource,
  key: Column,
  edge: CloneEdge,
  parents: readonly Key[],
  mapping: Mapping,
): Step {
  const pairs = toOneOf(resource, edge.via).columns
  const via = columnsNamed(
    resource,
    pairs.map((pair) => pair.column),
  )
  const parent = model.resource(edge.parent)
  return copyChildrenStep(
    writer,
    resource.table,
    key,
    storedColumns(resource),
    via,
    parents.map((from) => {
      const to = mapping.get(parent, from) ?? from
      return {
        from: pairs.map((pair) => from[pair.references]),
        to: pairs.map((pair) => to[pair.references]),
      }
    }),
  )
}

/** References to rows that were copied later, set now that they are there. */
function deferredSteps(
  { model, writer, plan }: Copying,
  name: string,
  clones: readonly Clone[],
  mapping: Mapping,
): readonly Step[] {
  const resource = model.resource(name)
  const deferred = plan.resources.find((spec) => spec.name === name)?.deferred ?? []
  return deferred.flatMap((relationName) => {
    const relation = toOneOf(resource, relationName)
    const rows = clones.flatMap(({ original, key, values }): Row[] => {
      const own = Object.fromEntries(relation.columns.map((pair) => [pair.column, original.row[pair.column]]))
      const followed =
        mapping.follow(relation, original.row) ?? (isUniquePart(resource, relation) ? own : undefined)
      return followed === undefined ? [] : [{ ...values, ...followed, ...key }]
    })
    const columns = columnsNamed(
      resource,
      relation.columns.map((pair) => pair.column),
    )
    return rows.length === 0 ? [] : [updateStep(writer, resource.table, resource.primaryKey, columns, rows)]
  })
}
