import type { InverseDefinition, ThroughDefinition, ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import type { Model, Relation, Resource } from '../model/model.js'
import { canonical, sameValue } from '../model/values.js'
import type { RowParent, WriteLink, WriteNode, WritePlan, WriteTarget, WriteUnlink } from './plan.js'
import { type Problems, pointerToken } from './problems.js'
import { RowIndex } from './row-index.js'
import type { PlanStage } from './write.js'
import {
  completeKeys,
  type Draft,
  draftOf,
  emptyDraft,
  frozenRow,
  mergeDraft,
  missingOf,
  refuseHalfKey,
} from './write-draft.js'
import { NEW_ROOT, type Place, ROOT } from './write-place.js'
import { keyOf, writeShape } from './write-shape.js'

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Flattens the objects of one request; problems are collected, never thrown, except for the limits. */
export class Tree {
  readonly #model: Model
  readonly #problems: Problems
  readonly #stage: PlanStage
  readonly #nodes: (WriteNode | null)[] = []
  readonly #rows: Draft[] = []
  readonly #index = new RowIndex()
  readonly #links = new Map<string, WriteLink>()
  readonly #unlinks: WriteUnlink[] = []

  constructor(model: Model, problems: Problems, stage: PlanStage) {
    this.#model = model
    this.#problems = problems
    this.#stage = stage
  }

  /** An object at the root of the body; `key`: the one of the path, which the body may only repeat. */
  root(resource: Resource, data: unknown, pointer: string, key: Key | null, isNew = false): number {
    return this.#visit(resource, data, pointer, isNew ? NEW_ROOT : ROOT, key)
  }

  /** Row of a node; -1 when the object was refused. */
  rowOf(node: number): number {
    return this.#nodes[node]?.row ?? -1
  }

  /** The row of the path, merely referred to: it has no object in the body. */
  reference(resource: Resource, key: Key): number {
    return this.#addRow({ ...emptyDraft(resource, '', 0), values: { ...key }, key }, true)
  }

  /** An object of the collection `relation` of row `owner`. */
  member(
    resource: Resource,
    relation: InverseDefinition | ThroughDefinition,
    owner: number,
    data: unknown,
    pointer: string,
  ): number {
    const place: Place = {
      parent: null,
      via: relation.name,
      depth: 0,
      level: 1,
      holder: relation.kind === 'through' ? null : { relation, row: owner },
    }
    const index = this.#visit(this.#model.resource(relation.target), data, pointer, place, null)
    const node = this.#nodes[index]
    if (relation.kind === 'through' && node) this.#link(resource, relation.name, owner, node.row)
    return index
  }

  plan(answer: readonly number[], many: boolean, target: WriteTarget | null): WritePlan {
    return Object.freeze({
      kind: 'write',
      nodes: Object.freeze(this.#nodes.filter((node) => node !== null)),
      rows: Object.freeze(this.#rows.map(frozenRow)),
      links: Object.freeze([...this.#links.values()]),
      unlinks: Object.freeze(this.#unlinks),
      answer: Object.freeze(answer),
      many,
      target: target === null ? null : Object.freeze(target),
    })
  }

  /** Position of the node, or -1 when it is no object at all. */
  #visit(resource: Resource, data: unknown, pointer: string, place: Place, pathKey: Key | null): number {
    if (!this.#accepts(resource, data, pointer, place.depth)) return -1
    const index = this.#nodes.push(null) - 1
    const draft = draftOf(resource, data, pointer, place.level)
    const shape = writeShape(resource)
    for (const relation of shape.toOne) {
      if (Object.hasOwn(data, relation.name)) this.#toOne(draft, relation, data[relation.name], index, place)
    }
    if (place.holder !== null) this.#hold(draft, place.holder.relation, place.holder.row)
    completeKeys(draft, this.#problems)
    this.#identify(draft, pathKey)
    const row = this.#place(draft, pathKey !== null)
    this.#nodes[index] = Object.freeze({
      resource: resource.name,
      pointer,
      depth: place.depth,
      parent: place.parent,
      via: place.via,
      row,
      data,
    })
    // In the order of the body.
    if (shape.toMany.size > 0) {
      for (const name of Object.keys(data)) {
        const relation = shape.toMany.get(name)
        if (relation !== undefined)
          this.#toMany(relation, data[name], { resource, index, row, pointer, place })
      }
    }
    return index
  }

  #accepts(resource: Resource, data: unknown, pointer: string, depth: number): data is Row {
    const { limits } = this.#model.definition.server
    if (!isObject(data)) {
      this.#problems.add(pointer, `must be an object of ${resource.name}`)
      return false
    }
    if (depth >= limits.treeDepth) {
      this.#problems.add(
        pointer,
        `is nested deeper than ${limits.treeDepth} levels; send it in a request of its own`,
      )
      this.#problems.refuse()
    }
    if (this.#nodes.length >= limits.rows) {
      this.#problems.add(pointer, `is one object too many: at most ${limits.rows} in one request`)
      this.#problems.refuse()
    }
    if (this.#stage === 'client' && !resource.body.object(data)) {
      for (const error of resource.body.object.errors ?? []) this.#problems.refused(pointer, error)
    }
    return true
  }

  #toOne(draft: Draft, relation: ToOneDefinition, value: unknown, index: number, place: Place): void {
    const pointer = draft.pointer + pointerToken(relation.name)
    if (!relation.constraint) {
      this.#problems.add(pointer, 'is derived and cannot be written')
      return
    }
    if (value === undefined) return
    const primary = relation.columns.every((pair) => draft.of.columns.get(pair.column)?.primary)
    if (!primary) draft.content = true
    if (value === null) {
      if (relation.required) this.#problems.add(pointer, 'is required and cannot be null')
      this.#fill(draft, relation.name, relation.columns, null)
      return
    }
    const target = this.#model.resource(relation.target)
    const child: Place = {
      parent: index,
      via: relation.name,
      depth: place.depth + 1,
      level: draft.level - 1,
      holder: null,
    }
    const node = this.#nodes[this.#visit(target, value, pointer, child, null)]
    if (!node) return
    const { name, columns } = relation
    draft.parents = [...draft.parents, { relation: name, columns, from: node.row, inverse: false }]
    this.#fill(draft, relation.name, relation.columns, this.#rows[node.row]?.key ?? undefined)
  }

  /** The foreign key of a child is its holder's key, whatever way it is said again inside the child. */
  #hold(draft: Draft, inverse: InverseDefinition, holder: number): void {
    const key = this.#rows[holder]?.key ?? undefined
    const said = draft.parents.find((parent) => parent.relation === inverse.via)
    if (said !== undefined && said.from !== holder) {
      this.#problems.add(
        draft.pointer + pointerToken(inverse.via),
        `contradicts the object that holds this one in "${inverse.name}"`,
      )
      return
    }
    draft.content = true
    draft.parents = [
      ...draft.parents.filter((parent) => parent !== said),
      { relation: inverse.via, columns: inverse.columns, from: holder, inverse: true },
    ]
    this.#fill(draft, inverse.via, inverse.columns, key)
  }

  /** `key`: of the row linked to; null unlinks; undefined: not known before that row is written. */
  #fill(draft: Draft, relation: string, columns: RowParent['columns'], key: Key | null | undefined): void {
    for (const { column, references } of columns) {
      const linked = key === null ? null : key?.[references]
      const given = draft.values[column]
      if (given !== undefined && (linked === undefined || !sameValue(given, linked))) {
        this.#problems.add(draft.pointer + pointerToken(column), `contradicts "${relation}"`)
      }
      if (linked !== undefined) draft.values[column] = linked
    }
  }

  #identify(draft: Draft, pathKey: Key | null): void {
    if (pathKey === null) {
      draft.key = keyOf(draft.of, draft.values)
      return
    }
    for (const column of draft.of.primaryKey) {
      const given = draft.values[column.name]
      if (given !== undefined && !sameValue(given, canonical(column, pathKey[column.name]))) {
        this.#problems.add(
          draft.pointer + pointerToken(column.name),
          'is part of the key that the path names and cannot change',
        )
      }
      draft.values[column.name] = pathKey[column.name]
    }
    draft.key = pathKey
  }

  /** A new row, or the one that an earlier object with the same key has made. */
  #place(draft: Draft, exists: boolean): number {
    const same = this.#index.find(draft)
    const row = same === undefined ? undefined : this.#rows[same]
    if (same !== undefined && row !== undefined) {
      this.#merge(row, draft)
      return same
    }
    const missing = missingOf(draft)
    if (draft.key === null && !exists) refuseHalfKey(draft, missing, this.#problems)
    // An object with its whole key may refer to an existing row; only the database can tell.
    if (missing.length > 0 && draft.key === null && !exists && !this.#maybeCompleted(draft.of)) {
      this.#problems.missing(draft.pointer, draft.resource, missing)
    }
    return this.#addRow(draft, exists)
  }

  #addRow(draft: Draft, ofPath: boolean): number {
    const index = this.#rows.push(draft) - 1
    this.#index.add(draft, index, ofPath)
    return index
  }

  #merge(row: Draft, again: Draft): void {
    if (!mergeDraft(row, again, this.#stage !== 'client')) {
      this.#problems.add(again.pointer, `is the same row as "${row.pointer}" with different content`)
    }
  }

  #maybeCompleted(resource: Resource): boolean {
    return this.#stage !== 'final' && (resource.hooks.get('create')?.prefix.length ?? 0) > 0
  }

  #toMany(
    relation: Exclude<Relation, ToOneDefinition>,
    value: unknown,
    from: { resource: Resource; index: number; row: number; pointer: string; place: Place },
  ): void {
    if (value === undefined) return
    const pointer = from.pointer + pointerToken(relation.name)
    const target = this.#model.resource(relation.target)
    if (relation.kind === 'inverse_one' && value === null) {
      // Nothing points at a row that is about to be made.
      if (this.#rows[from.row]?.key === null || from.place.isNew === true) return
      this.#unlinkInverse(relation, target, pointer, from.row)
      return
    }
    if (relation.kind !== 'inverse_one' && !Array.isArray(value)) {
      this.#problems.add(pointer, `must be an array of ${target.name} objects`)
      return
    }
    const place: Place = {
      parent: from.index,
      via: relation.name,
      depth: from.place.depth + 1,
      level: from.place.level + 1,
      holder: relation.kind === 'through' ? null : { relation, row: from.row },
    }
    const objects: readonly unknown[] = Array.isArray(value) ? value : [value]
    const many = relation.kind !== 'inverse_one'
    objects.forEach((item, position) => {
      const child = this.#visit(target, item, many ? `${pointer}/${position}` : pointer, place, null)
      const node = this.#nodes[child]
      if (relation.kind === 'through' && node) this.#link(from.resource, relation.name, from.row, node.row)
    })
  }

  #unlinkInverse(relation: InverseDefinition, target: Resource, pointer: string, row: number): void {
    const forward = target.relations.get(relation.via)
    if (forward?.kind === 'one' && forward.required) {
      this.#problems.add(
        pointer,
        `cannot be unlinked: ${target.name} requires "${relation.via}"; delete it instead`,
      )
      return
    }
    this.#unlinks.push(Object.freeze({ relation: relation.name, from: row }))
  }

  #link(resource: Resource, relation: string, from: number, to: number): void {
    this.#links.set(
      `${from} ${relation} ${to}`,
      Object.freeze({ resource: resource.name, relation, from, to }),
    )
  }
}
