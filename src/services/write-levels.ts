/** At which level each row of a tree is written: after everything created in it that it refers to. */
import { BiodmError } from '../errors.js'
import type { Model } from '../model/model.js'
import { keyOf, keyText } from '../plan/write-shape.js'
import type { DecidedRow } from './write-decide.js'

/** Each costs a pass over the rows, and each level its statements: trees need a few. */
const MAX_ROUNDS = 100

/** `floor` levels below the row that it points at: 0 where one statement inserts both. */
interface Link {
  readonly from: number
  readonly to: number
  readonly floor: 0 | 1
}

/**
 * The plan's levels, except that a row comes after the new ones that it points at, whether the tree shares them between
 * several places or names them by the columns of a foreign key. New rows of one table whose keys are given may point at
 * each other: they are inserted by one statement. Circles beyond that are 409.
 */
export function writeLevels(model: Model, rows: readonly DecidedRow[]): readonly number[] {
  const levels = rows.map((row) => row.row.level)
  const links = [...linksOfTree(rows), ...linksByColumns(model, rows)]
  for (let round = 0, moved = links.length > 0; moved; round++) {
    if (round > MAX_ROUNDS) throw circle(rows)
    moved = false
    for (const { from, to, floor } of links) {
      const least = (levels[to] ?? 0) + floor
      if ((levels[from] ?? 0) >= least) continue
      levels[from] = least
      moved = true
    }
  }
  return levels
}

const isNew = (row: DecidedRow | undefined): boolean => row?.action === 'create'

/** One statement inserts both, and the foreign key is known before it. */
const together = (row: DecidedRow, target: DecidedRow): boolean =>
  isNew(row) && row.resource === target.resource && row.row.key !== null && target.row.key !== null

function linksOfTree(rows: readonly DecidedRow[]): readonly Link[] {
  return rows.flatMap((row, from) =>
    row.row.parents.flatMap((parent): Link[] => {
      const target = rows[parent.from]
      if (target === undefined || !isNew(target)) return []
      return [{ from, to: parent.from, floor: together(row, target) ? 0 : 1 }]
    }),
  )
}

/** Foreign keys given by their columns whose rows the same tree creates. */
function linksByColumns(model: Model, rows: readonly DecidedRow[]): readonly Link[] {
  const created = new Map<string, number>()
  rows.forEach(({ action, resource, row }, position) => {
    if (action === 'create' && row.key !== null)
      created.set(idOf(resource.name, keyText(resource, row.key)), position)
  })
  if (created.size === 0 || rows.length < 2) return []
  return rows.flatMap((row, from) => {
    if (row.action === 'refer') return []
    return targets(model, row).flatMap((target): Link[] => {
      const to = created.get(target)
      const found = to === undefined ? undefined : rows[to]
      if (to === undefined || found === undefined || to === from) return []
      return [{ from, to, floor: together(row, found) ? 0 : 1 }]
    })
  })
}

/** Ids of the rows that the foreign keys of `row` point at. */
function targets(model: Model, { resource, row, stored }: DecidedRow): readonly string[] {
  return [...resource.relations.values()].flatMap((relation) => {
    if (relation.kind !== 'one' || !relation.constraint) return []
    const target = model.resource(relation.target)
    const values = relation.columns.map(({ column, references }) => [
      references,
      row.values[column] ?? stored?.[column],
    ])
    const key = keyOf(target, Object.fromEntries(values))
    return key === null ? [] : [idOf(target.name, keyText(target, key))]
  })
}

const idOf = (resource: string, key: string): string => `${resource} ${key}`

function circle(rows: readonly DecidedRow[]): BiodmError {
  const pointer = rows.find((row) => isNew(row) && row.row.key !== null)?.row.pointer ?? ''
  const message =
    'New rows point at each other in a circle or a long chain: create them first, then link them'
  return new BiodmError('reference_missing', message, { errors: [{ pointer, message }] })
}
