/**
 * What a refusal of the database was about. Databases name one constraint or none at all; the plan of the request knows
 * where each value came from, so that after the rollback the places in the body are looked up, the same on both databases.
 */
import { BiodmError, type Problem } from '../errors.js'
import type { Row } from '../hooks.js'
import { constraintFacts } from '../managers/constraints.js'
import { RetryTransaction } from '../managers/database.js'
import { driverCode } from '../managers/db-errors.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import type { Resource } from '../model/model.js'
import { uniqueSets } from '../model/unique.js'
import type { WriteNode, WritePlan } from '../plan/plan.js'
import { pointerToken } from '../plan/problems.js'
import { keyText } from '../plan/write-shape.js'
import type { Core, RequestContext } from './core.js'
import { references } from './write-access-places.js'
import { writerOf } from './write-context.js'
import { type Decision, decide, type Refusal } from './write-decide.js'
import { type PreparedRow, prepareRows } from './write-prepare.js'
import { CONFLICT, throwRefusals } from './write-refuse.js'

const MAX_ERRORS = 100

/** How the plan is decided once more, outside of its transaction. */
export type Decide = () => Promise<Decision>

/** The error to answer instead: with the places in the body where the plan explains it, else itself. */
export async function explained(
  core: Core,
  request: RequestContext,
  plan: WritePlan,
  error: unknown,
  again: Decide = () => decide(core.model, writerOf(core), core.database, plan, { locking: false }),
): Promise<unknown> {
  // Inside another operation's transaction nothing can be asked any more.
  if (request.joined !== null || !isRefusal(error)) return error
  try {
    const decision = await again()
    throwRefusals(await dangling(core, decision), CONFLICT)
    await refuseTaken(core, plan, prepareRows(core.model, request.caller, decision))
    return error
  } catch (found) {
    return found instanceof BiodmError && found.status === 409 ? found : error
  }
}

/** A constraint refused, as told by the driver; not what a hook or a rule threw. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof BiodmError)) return false
  if (error.code === 'conflict') return error.cause instanceof RetryTransaction
  const constraint = error.code === 'reference_missing' || error.code === 'unique_violation'
  return constraint && driverCode(error.cause) !== undefined
}

/** Foreign keys given by their columns that point at nothing. */
async function dangling(core: Core, decision: Decision): Promise<readonly Refusal[]> {
  const wanted = new Map<Resource, Map<string, Row>>()
  const found = references(core.model, decision)
  for (const { target, key } of found) {
    const keys = wanted.get(target) ?? new Map<string, Row>()
    wanted.set(target, keys.set(keyText(target, key), key))
  }
  const known = new Map<Resource, ReadonlySet<string>>()
  for (const [target, keys] of wanted) {
    const rows = await lookupRows(writerOf(core), core.database, target, [...keys.values()], 'none')
    known.set(target, new Set(rows.map((row) => keyText(target, row))))
  }
  return found
    .filter(({ target, key }) => known.get(target)?.has(keyText(target, key)) === false)
    .map(({ row, relation, target }): Refusal => ({ kind: 'dangling', row, relation, target: target.name }))
}

/** Throws `unique_violation` for rows whose unique values another row has, stored or in the same request. */
async function refuseTaken(core: Core, plan: WritePlan, rows: readonly PreparedRow[]): Promise<void> {
  const objects = objectsOf(plan)
  const errors: Problem[] = []
  for (const [resource, columns, written] of competing(rows)) {
    const taken = await takenBy(core, resource, columns, written)
    for (const row of colliding(rows, columns, written, taken)) {
      errors.push(...problems(objects.get(row.position) ?? [], row, columns))
      if (errors.length >= MAX_ERRORS) break
    }
  }
  const [first] = errors
  if (first === undefined) return
  throw new BiodmError('unique_violation', first.message, { errors: errors.slice(0, MAX_ERRORS) })
}

/** The objects of the body that name each row. */
function objectsOf(plan: WritePlan): ReadonlyMap<number, readonly WriteNode[]> {
  const objects = new Map<number, WriteNode[]>()
  for (const node of plan.nodes) {
    const known = objects.get(node.row)
    if (known === undefined) objects.set(node.row, [node])
    else known.push(node)
  }
  return objects
}

/** Rows whose values another stored row has, or an earlier one of the request. */
function* colliding(
  rows: readonly PreparedRow[],
  columns: readonly string[],
  written: readonly PreparedRow[],
  taken: ReadonlyMap<string, string>,
): Iterable<PreparedRow> {
  const seen = new Set<string>()
  for (const row of written) {
    const text = valuesText(rows, row, columns)
    if (text === null) continue
    const owner = taken.get(text)
    if (seen.has(text) || (owner !== undefined && owner !== keyText(row.resource, row.key))) yield row
    seen.add(text)
  }
}

type Competition = readonly [resource: Resource, columns: readonly string[], written: readonly PreparedRow[]]

/** For each unique constraint the rows that are written with new values for it. */
function competing(rows: readonly PreparedRow[]): readonly Competition[] {
  const byResource = new Map<Resource, PreparedRow[]>()
  for (const row of rows) {
    const known = byResource.get(row.resource)
    if (known === undefined) byResource.set(row.resource, [row])
    else known.push(row)
  }
  return [...byResource].flatMap(([resource, written]) =>
    uniqueSets(resource).map((columns): Competition => {
      const isNew = (row: PreparedRow): boolean =>
        row.action === 'create' ||
        (row.action === 'update' && columns.some((name) => row.changed.includes(name)))
      return [resource, columns, written.filter(isNew)]
    }),
  )
}

/** The key of the stored row that has them, by the text of the values. */
async function takenBy(
  core: Core,
  resource: Resource,
  columns: readonly string[],
  written: readonly PreparedRow[],
): Promise<ReadonlyMap<string, string>> {
  const by = columns.map((name) => resource.columns.get(name)).filter((column) => column !== undefined)
  const wanted = written.map((row) => row.values).filter((values) => plainText(values, columns) !== null)
  const rows = await lookupRows(writerOf(core), core.database, resource, wanted, 'none', by)
  return new Map(rows.map((row) => [plainText(row, columns) ?? '', keyText(resource, row)]))
}

/** Null when a value is null: such rows do not collide. */
function plainText(values: Readonly<Row>, columns: readonly string[]): string | null {
  const list = columns.map((name) => values[name] ?? null)
  return list.includes(null) ? null : JSON.stringify(list)
}

/** As `plainText`; a foreign key to a row without a key yet is told by that row. */
function valuesText(
  rows: readonly PreparedRow[],
  { row, values }: PreparedRow,
  columns: readonly string[],
): string | null {
  const list = columns.map((name) => {
    const value = values[name] ?? null
    if (value !== null) return value
    const parent = row.parents.find((link) => link.columns.some(({ column }) => column === name))
    return parent === undefined || rows[parent.from]?.action !== 'create' ? null : { row: parent.from }
  })
  return list.includes(null) ? null : JSON.stringify(list)
}

/** One for each key of the body that gives a part of the values, else one for the object. */
function problems(
  objects: readonly WriteNode[],
  row: PreparedRow,
  columns: readonly string[],
): readonly Problem[] {
  const { resource, fields } = constraintFacts(row.resource, columns)
  const same = fields.length === 0 ? 'the same unique values' : `the same ${sentenceList(fields)}`
  const message = `Another ${resource} has ${same}`
  const places = objects.flatMap((node) =>
    givenNames(row.resource, columns)
      .filter((name) => (node.data[name] ?? null) !== null)
      .map((name) => node.pointer + pointerToken(name)),
  )
  const pointers = places.length === 0 ? [row.row.pointer] : places
  return pointers.map((pointer) => ({ pointer, message }))
}

/** Keys of a body that give the columns: their own names and those of the relations that they belong to; none hidden. */
function givenNames(resource: Resource, columns: readonly string[]): readonly string[] {
  const names = columns.filter((name) => resource.columns.get(name)?.hidden === false)
  for (const relation of resource.relations.values()) {
    if (relation.kind === 'one' && relation.columns.some(({ column }) => columns.includes(column))) {
      names.push(relation.name)
    }
  }
  return names
}

const sentenceList = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
