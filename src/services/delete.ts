/**
 * Deleting: static rules → the rows that go, cascades included → prefix hooks, parents first → transaction (the same rows
 * locked, verdicts, links and rows removed, postfix hooks, history) → effects.
 */
import { demand } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key, PrefixItem } from '../hooks.js'
import type { Writer } from '../managers/mutate/rows.js'
import { runStep, runSteps } from '../managers/mutate/step.js'
import { lockEntitiesStep } from '../managers/mutate/versions.js'
import type { Model, Resource } from '../model/model.js'
import { rowIdentity } from '../plan/write-shape.js'
import type { Answer, Core, Effects, RequestContext } from './core.js'
import { byResource, collectDoomed, type Doomed, type DoomedRow } from './delete-collect.js'
import { explainedDelete } from './delete-refused.js'
import { deleteSteps } from './delete-steps.js'
import { historySteps } from './history.js'
import { hasHooks, runPostfix, runPrefix } from './hooks/run.js'
import { withEffects } from './with-effects.js'
import { judgeDelete } from './write-access-rows.js'
import { type WriteContext, writerOf } from './write-context.js'
import { instances } from './write-hooks.js'

/** `DELETE /datasets/{id}`: 204; 404 when the row is not there for the caller, 409 while it is referred to. */
export async function deleteRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
): Promise<Answer> {
  demand(resource, 'read', request.caller, core.enforce)
  demand(resource, 'delete', request.caller, core.enforce)
  const work = withEffects(core, request, async (effects, transact) => {
    const hooks = await prefixes(core, request, effects, resource, [key], new Set())
    await transact(async (trx) => {
      const context: WriteContext = { core, request, trx, effects, writer: writerOf(core) }
      await removeRows(context, resource, [key], hooks)
      const entry = { resource, keys: [key], many: false, body: null }
      await runSteps(trx, historySteps(core.model, context.writer, request, entry))
    })
  })
  await work.catch(async (error: unknown) => {
    throw await explainedDelete(core, request, resource, [key], error)
  })
  return { status: 204 }
}

/** Rows whose prefix hooks have run, by resource and key. */
export type Prepared = ReadonlySet<string>

const idOf = (row: DoomedRow): string => rowIdentity(row.resource, row.stored)

/** Whether deleting rows of `resource` may run a prefix hook, on them or on what cascades from them. */
function cascadesIntoHooks(model: Model, resource: Resource, seen = new Set<Resource>()): boolean {
  if (seen.has(resource)) return false
  seen.add(resource)
  if (hasHooks(resource, 'delete', 'prefix')) return true
  return cascading(model, resource).some((source) => cascadesIntoHooks(model, source, seen))
}

const cascading = (model: Model, resource: Resource): readonly Resource[] =>
  [...model.resources.values()].filter((source) =>
    [...source.relations.values()].some(
      (relation) =>
        relation.kind === 'one' && relation.target === resource.name && relation.onDelete === 'cascade',
    ),
  )

/** Runs the delete prefix hooks of everything that would go and has not had them; which rows have now. */
export async function prefixes(
  core: Core,
  request: RequestContext,
  effects: Effects,
  resource: Resource,
  keys: readonly Key[],
  before: Prepared,
): Promise<Prepared> {
  if (keys.length === 0 || !cascadesIntoHooks(core.model, resource)) return before
  const db = request.joined?.transaction ?? core.database
  const writer = writerOf(core)
  const doomed = await collectDoomed(core.model, writer, db, resource, keys, false)
  await judgeDelete({ core, request, writer, db }, doomed)
  const prepared = new Set(before)
  for (const level of levels(doomed)) {
    for (const [target, rows] of byResource(level.filter((row) => !prepared.has(idOf(row))))) {
      const items = rows.map(
        (row): PrefixItem => ({
          data: {},
          parent: null,
          via: null,
          pointer: '',
          key: row.key,
          stored: row.stored,
        }),
      )
      if (hasHooks(target, 'delete', 'prefix')) {
        await runPrefix(core, request, effects, { resource: target, operation: 'delete', items })
      }
    }
    for (const row of level) prepared.add(idOf(row))
  }
  return prepared
}

function levels(doomed: Doomed): DoomedRow[][] {
  const found: DoomedRow[][] = []
  for (const row of doomed.rows) {
    const level = found[row.level]
    if (level === undefined) found[row.level] = [row]
    else level.push(row)
  }
  return found
}

/**
 * Removes rows and what cascades from them, inside the transaction; tells what that was. Rows that appeared after their prefix hooks should
 * have run are refused: the caller repeats the request.
 */
export async function removeRows(
  context: WriteContext,
  resource: Resource,
  keys: readonly Key[],
  prepared: Prepared,
): Promise<readonly DoomedRow[]> {
  const { core, request, trx, writer } = context
  await lockEntities(writer, context, resource, keys)
  const doomed = await collectDoomed(core.model, writer, trx, resource, keys, true)
  if (doomed.rows.filter((row) => row.level === 0).length < keys.length) {
    throw new BiodmError('not_found', `There is no such ${resource.name}`)
  }
  await judgeDelete({ core, request, writer, db: trx }, doomed)
  refuseStrict(doomed)
  const late = doomed.rows.find(
    (row) => hasHooks(row.resource, 'delete', 'prefix') && !prepared.has(idOf(row)),
  )
  if (late !== undefined) {
    throw new BiodmError('conflict', `A ${late.resource.name} was added to what is deleted; try again`)
  }
  await runSteps(trx, deleteSteps(core.model, writer, doomed))
  for (const level of levels(doomed)) {
    for (const [target, rows] of byResource(level)) await postfix(context, target, rows)
  }
  return doomed.rows
}

/** 409: a strict row's foreign keys change by release only, so that what it points at stays as long as it does. */
function refuseStrict({ released }: Doomed): void {
  const held = released.find(
    ({ referrer: { source }, rows }) => source.versioned === 'strict' && rows.length > 0,
  )
  if (held === undefined) return
  const { source, relation } = held.referrer
  throw new BiodmError(
    'versioned_readonly',
    `${source.name} changes by release only: its "${relation.name}" cannot be cleared`,
  )
}

async function lockEntities(
  writer: Writer,
  { trx }: WriteContext,
  resource: Resource,
  keys: readonly Key[],
): Promise<void> {
  if (resource.entityTable === null) return
  await runStep(trx, lockEntitiesStep(writer, resource.entityTable, resource.entityKey, keys))
}

async function postfix(context: WriteContext, resource: Resource, rows: readonly DoomedRow[]): Promise<void> {
  if (!hasHooks(resource, 'delete', 'postfix')) return
  const { core, request, trx, effects } = context
  const instance = instances(context, resource)
  const items = rows.map((row) => ({
    data: {},
    row: instance(row.stored),
    key: row.key,
    stored: row.stored,
  }))
  await runPostfix(core, request, { transaction: trx, effects }, { resource, operation: 'delete', items })
}
