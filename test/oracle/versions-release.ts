/** What a release makes, read literally: copied, the body applied, then the relations that the body does not give follow. */
import { blank, type Entity, isRow, type Obj, type Row, type Verdict, type World } from './versions-model.js'
import { SHAPES } from './versions-world.js'

export interface ReleaseOf {
  readonly row: Row
  /** `row` of it is the new version, made by `nextOf`. */
  readonly body: Obj
  readonly keyField: boolean
}

export const nextOf = (row: Row): Row => blank(row.kind, row.entity, (row.entity?.last ?? 0) + 1)

export function release(world: World, { row, body, keyField }: ReleaseOf): Verdict {
  if (!world.rows.has(row) || row.entity === null) return 404
  if (keyField || takesStored(body)) return 400
  const judged = world.judge([body], null)
  if (judged !== null) return judged
  if (!world.isLatest(row)) return 409
  return world.attempt(201, () => {
    const given = new Set(body.manys.map(({ name }) => name))
    const copies = copiesOf(world, row, body.row, given)
    if (row.entity !== null) row.entity.last += 1
    const own = new Set(body.ones.map(({ name }) => name))
    for (const [original, copy] of copies) {
      const follows = (name: string) => original !== row || !own.has(name)
      copy.name = original.name
      copy.note = original.note
      for (const [name, target] of Object.entries(original.refs)) {
        copy.refs[name] = target !== null && follows(name) ? (copies.get(target) ?? target) : target
      }
      if (original !== row || body.tags === undefined) copy.links = new Set(original.links)
      world.rows.add(copy)
    }
    world.write(body, null)
    return null
  })
}

/** The row that is released, and everything below it, each with its copy. */
function copiesOf(world: World, root: Row, next: Row, given: ReadonlySet<string>): ReadonlyMap<Row, Row> {
  const entities = new Map<Entity, Entity>()
  const copies = new Map([[root, next]])
  const copy = (row: Row): Row => {
    if (row.entity === null) return blank(row.kind, null, null)
    const entity = entities.get(row.entity) ?? { last: 0 }
    entities.set(row.entity, entity)
    entity.last = Math.max(entity.last, row.version ?? 0)
    return blank(row.kind, entity, row.version)
  }
  for (const parent of copies.keys()) {
    for (const [name, { target, via }] of Object.entries(SHAPES[parent.kind].manys)) {
      if (parent === root && given.has(name)) continue
      for (const child of world.of(target)) {
        if (child.refs[via] === parent && !copies.has(child)) copies.set(child, copy(child))
      }
    }
  }
  return copies
}

/** An existing row below what is new would leave the row that it belongs to. */
function takesStored(object: Obj): boolean {
  const children = object.manys.flatMap(({ objects }) => objects)
  if (object.is !== 'stored' && children.some((child) => child.is === 'stored')) return true
  const others = object.ones.flatMap(({ to }) => (to === null || to === 'absent' || isRow(to) ? [] : [to]))
  return [...children, ...others].some(takesStored)
}
