/** n–m links of copied rows: to the same targets, or to their copies where they were copied too. */
import type { ColumnPair, ThroughDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { decodeRow, keysText, postgresMatch, sqliteMatch } from '../managers/mutate/lookup.js'
import { columnShape, insertStep, type Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import type { Model, Resource } from '../model/model.js'
import type { Mapping } from './release-copy.js'
import { inOrder } from './write-load.js'

export interface Linking {
  readonly model: Model
  readonly writer: Writer
  readonly db: Queryable
  readonly mapping: Mapping
  /** Copied rows by resource: the old keys. */
  readonly copied: ReadonlyMap<string, readonly Key[]>
  /** Keys without those of the released row, for the association that the body supplies. */
  readonly given: ReadonlySet<string>
  readonly root: { readonly resource: Resource; readonly from: Key }
}

interface Side {
  readonly resource: Resource
  readonly pairs: readonly ColumnPair[]
  readonly columns: readonly StoredColumn[]
}

interface Association {
  readonly table: string
  readonly sides: readonly [Side, Side]
  /** The relation of the released resource that a body may name, from either side. */
  readonly relations: readonly { readonly resource: string; readonly name: string; readonly side: number }[]
}

/** One statement to find the links of a side, one to insert them. */
export async function linkCopySteps(linking: Linking): Promise<readonly Step[]> {
  const steps: Step[] = []
  for (const association of associations(linking.model)) {
    const rows = new Map<string, Row>()
    const asked = ([0, 1] as const).flatMap((side) => {
      const keys = keysOf(linking, association, side)
      return keys.length === 0 ? [] : [() => linksOf(linking, association, side, keys)]
    })
    for (const link of (await inOrder(linking.db, asked)).flat()) {
      const copy = moved(linking.mapping, association, link)
      rows.set(JSON.stringify(copy), copy)
    }
    if (rows.size === 0) continue
    const columns = [...association.sides[0].columns, ...association.sides[1].columns]
    steps.push(insertStep(linking.writer, association.table, columns, [...rows.values()], { ignore: true }))
  }
  return steps
}

/** Each association table once, whichever sides declare it. */
function associations(model: Model): readonly Association[] {
  const found = new Map<string, Association>()
  for (const resource of model.resources.values()) {
    for (const relation of resource.relations.values()) {
      if (relation.kind !== 'through') continue
      const known = found.get(relation.table)
      if (known === undefined) {
        const target = model.resource(relation.target)
        const sides = [sideOf(resource, relation.own), sideOf(target, relation.other)] as const
        found.set(relation.table, { table: relation.table, sides, relations: [named(resource, relation, 0)] })
      } else {
        const side = known.sides[0].pairs[0]?.column === relation.own[0]?.column ? 0 : 1
        found.set(relation.table, {
          ...known,
          relations: [...known.relations, named(resource, relation, side)],
        })
      }
    }
  }
  return [...found.values()]
}

const named = (resource: Resource, { name }: ThroughDefinition, side: number) => ({
  resource: resource.name,
  name,
  side,
})

const sideOf = (resource: Resource, pairs: readonly ColumnPair[]): Side => ({
  resource,
  pairs,
  columns: pairs.map((pair) => ({
    name: pair.column,
    type: resource.columns.get(pair.references)?.type ?? 'text',
  })),
})

function keysOf({ copied, given, root }: Linking, association: Association, side: 0 | 1): readonly Key[] {
  const { resource } = association.sides[side]
  const names = association.relations
    .filter((relation) => relation.side === side && relation.resource === resource.name)
    .map((relation) => relation.name)
  // Links follow the relations that a resource has: what others link to it is theirs.
  if (names.length === 0) return []
  const keys = copied.get(resource.name) ?? []
  const supplied = names.some((name) => given.has(name))
  return resource === root.resource && !supplied ? [root.from, ...keys] : keys
}

async function linksOf(
  { writer, db }: Linking,
  { table, sides }: Association,
  side: 0 | 1,
  keys: readonly Key[],
): Promise<readonly Row[]> {
  const by = sides[side].columns
  const columns = [...sides[0].columns, ...sides[1].columns]
  const named = writer.texts.get(`links ${table} ${columnShape(by)}`, () => {
    const match = writer.dialect === 'postgres' ? postgresMatch(by) : sqliteMatch(by)
    return `SELECT ${columns.map(({ name }) => `t."${name}"`).join(', ')} FROM "${table}" AS t ${match}`
  })
  const wanted = keys.map((key) =>
    Object.fromEntries(sides[side].pairs.map((pair) => [pair.column, key[pair.references]])),
  )
  const rows = await db.query({ ...named, values: [keysText(writer, by, wanted)] })
  return rows.map((values) => decodeRow(columns, values))
}

function moved(mapping: Mapping, { sides }: Association, link: Readonly<Row>): Row {
  const copy: Row = {}
  for (const { resource, pairs } of sides) {
    const old = Object.fromEntries(pairs.map((pair) => [pair.references, link[pair.column]]))
    const key = mapping.get(resource, old) ?? old
    for (const pair of pairs) copy[pair.column] = key[pair.references]
  }
  return copy
}
