/**
 * Collections of one row: `POST` writes into them or links, `PUT` makes them exactly the given set, `DELETE` takes one
 * out. Rows that the caller may not read are left as they are.
 */
import { demand } from '../access/static.js'
import type { InverseDefinition } from '../config/definition.js'
import { BiodmError, type Problem } from '../errors.js'
import type { Key } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import { runSteps } from '../managers/mutate/step.js'
import type { Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import { collectionOf } from '../plan/write.js'
import { keyOf, keyText, rowIdentity } from '../plan/write-shape.js'
import type { Answer, Core, Effects, RequestContext } from './core.js'
import { type Prepared, prefixes, removeRows } from './delete.js'
import type { DoomedRow } from './delete-collect.js'
import { explainedDelete } from './delete-refused.js'
import { historySteps } from './history.js'
import { afterUnlink, linkedKeys, unlink } from './links.js'
import { withEffects } from './with-effects.js'
import { type Extra, runWrite } from './write.js'
import { LINKING } from './write-access-links.js'
import { judgeLinkage, readableKeys } from './write-access-rows.js'
import { answerOf, readWritten } from './write-answer.js'
import { type WriteContext, writerOf } from './write-context.js'
import type { PreparedRow } from './write-prepare.js'

/** `POST /datasets/{id}/{collection}`: 201, what was written. */
export async function writeCollection(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  relation: string,
  body: unknown,
): Promise<Answer> {
  collectionOf(resource, relation)
  const outcome = await runWrite(
    core,
    request,
    { kind: 'add', resource, key, relation, body },
    readWritten('create'),
  )
  return answerOf(core, outcome, 201)
}

/** `PUT /datasets/{id}/{collection}`: 200, the set as given. */
export async function replaceCollection(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  name: string,
  body: unknown,
): Promise<Answer> {
  const relation = collectionOf(resource, name)
  if (body !== undefined && !Array.isArray(body)) {
    throw new BiodmError(
      'invalid_body',
      `Send the whole collection as an array of ${relation.target} objects`,
      {
        errors: [{ pointer: '', message: 'must be an array' }],
      },
    )
  }
  const extra =
    relation.kind === 'through'
      ? replaceLinks(core, resource, key, name)
      : replaceChildren(core, request, key, relation)
  const write = { kind: 'replace', resource, key, relation: name, body } as const
  try {
    return answerOf(core, await runWrite(core, request, write, readWritten('update'), extra), 200)
  } catch (error) {
    throw await explainedDelete(core, request, core.model.resource(relation.target), extra.gone, error)
  }
}

/** Keys that the body names or creates in the collection. */
function givenKeys(core: Core, plan: WritePlan, keys: (row: number) => Key | null | undefined): Set<string> {
  return new Set(
    plan.answer.flatMap((position) => {
      const node = plan.nodes[position]
      const key = node === undefined ? null : keys(node.row)
      return node === undefined || !key ? [] : [keyText(core.model.resource(node.resource), key)]
    }),
  )
}

/** `gone`: children that it deletes. */
type Replacement = Extra & { readonly gone: readonly Key[] }

function replaceLinks(core: Core, resource: Resource, key: Key, name: string): Replacement {
  const target = core.model.resource(collectionOf(resource, name).target)
  let removed: readonly Key[] = []
  return {
    gone: [],
    async before(context, plan, rows) {
      const { request, trx: db, writer } = context
      const linked = await linkedKeys(core.model, writer, db, resource, name, [key])
      const given = givenKeys(core, plan, (row) => rows[row]?.key)
      const gone = [...linked.values()].flat().filter((other) => !given.has(keyText(target, other)))
      const readable = await readableKeys({ core, request, writer, db }, target, gone)
      removed = gone.filter((other) => readable.has(keyText(target, other)))
      await judgeLinkage({ core, request, writer, db }, resource, key, target, removed)
      await unlink(context, resource, name, key, removed)
    },
    after: (context) => afterUnlink(context, resource, name, key, removed),
  }
}

function replaceChildren(
  core: Core,
  request: RequestContext,
  key: Key,
  relation: InverseDefinition,
): Replacement {
  const target = core.model.resource(relation.target)
  let prepared: Prepared = new Set()
  let gone: readonly Key[] = []
  return {
    get gone() {
      return gone
    },
    async prepare(effects: Effects, plan) {
      const db = request.joined?.transaction ?? core.database
      gone = await goneChildren(
        core,
        request,
        db,
        key,
        relation,
        givenKeys(core, plan, (row) => plan.rows[row]?.key),
      )
      prepared = await prefixes(core, request, effects, target, gone, prepared)
    },
    async before(context, plan, rows) {
      const given = givenKeys(core, plan, (row) => rows[row]?.key)
      gone = await goneChildren(core, context.request, context.trx, key, relation, given)
      if (gone.length > 0) refuseRemoved(await removeRows(context, target, gone, prepared), rows)
    },
  }
}

/** 409: rows that the body names have gone with a member that it leaves out. */
function refuseRemoved(removed: readonly DoomedRow[], rows: readonly PreparedRow[]): void {
  const gone = new Set(removed.map(({ resource, key }) => rowIdentity(resource, key)))
  const errors = rows
    .filter(({ resource, key }) => gone.has(rowIdentity(resource, key)))
    .map(
      ({ resource, row }): Problem => ({
        pointer: row.pointer,
        message: `This ${resource.name} is deleted with what the collection no longer holds: move it first`,
      }),
    )
  if (errors.length === 0) return
  throw new BiodmError('reference_missing', errors[0]?.message, { errors: errors.slice(0, 100) })
}

/** Children of the row that the caller may read and that the given set does not name. */
async function goneChildren(
  core: Core,
  request: RequestContext,
  db: Queryable,
  key: Key,
  relation: InverseDefinition,
  given: ReadonlySet<string>,
): Promise<readonly Key[]> {
  const target = core.model.resource(relation.target)
  const writer = writerOf(core)
  const by = relation.columns
    .map((pair) => target.columns.get(pair.column))
    .filter((column) => column !== undefined)
  const holder = Object.fromEntries(relation.columns.map((pair) => [pair.column, key[pair.references]]))
  const children = await lookupRows(writer, db, target, [holder], 'none', by)
  const gone = children
    .map((child) => keyOf(target, child))
    .filter((child) => child !== null)
    .filter((child) => !given.has(keyText(target, child)))
  const readable = await readableKeys({ core, request, writer, db }, target, gone)
  return gone.filter((child) => readable.has(keyText(target, child)))
}

/** `DELETE /datasets/{id}/{collection}/{child}`: unlinks (n–m) or deletes (1–n); 204, or 404 when it is not in there. */
export async function removeFromCollection(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  name: string,
  child: Key,
): Promise<Answer> {
  const relation = collectionOf(resource, name)
  const target = core.model.resource(relation.target)
  demand(resource, 'read', request.caller, core.enforce)
  demand(target, 'read', request.caller, core.enforce)
  if (relation.kind === 'through') {
    demand(resource, 'update', request.caller, core.enforce, { key, given: LINKING })
  } else demand(target, 'delete', request.caller, core.enforce)
  const work = withEffects(core, request, async (effects, transact) => {
    const db = request.joined?.transaction ?? core.database
    await requireMember(core, request, db, resource, key, name, child)
    const prepared =
      relation.kind === 'through'
        ? new Set<string>()
        : await prefixes(core, request, effects, target, [child], new Set())
    await transact(async (trx) => {
      const context: WriteContext = { core, request, trx, effects, writer: writerOf(core) }
      await requireMember(core, request, trx, resource, key, name, child)
      if (relation.kind === 'through') {
        await judgeLinkage({ core, request, writer: context.writer, db: trx }, resource, key, target, [child])
        await unlink(context, resource, name, key, [child])
        await afterUnlink(context, resource, name, key, [child])
      } else await removeRows(context, target, [child], prepared)
      const about =
        relation.kind === 'through' ? { resource, keys: [key] } : { resource: target, keys: [child] }
      const entry = { ...about, many: false, body: null }
      await runSteps(trx, historySteps(core.model, context.writer, request, entry))
    })
  })
  await work.catch(async (error: unknown) => {
    throw await explainedDelete(core, request, target, [child], error)
  })
  return { status: 204 }
}

/** 404 unless both rows are there for the caller and the child is in the collection. */
async function requireMember(
  core: Core,
  request: RequestContext,
  db: Queryable,
  resource: Resource,
  key: Key,
  name: string,
  child: Key,
): Promise<void> {
  const relation = collectionOf(resource, name)
  const target = core.model.resource(relation.target)
  const judging = { core, request, writer: writerOf(core), db }
  const owner = await readableKeys(judging, resource, [key])
  if (!owner.has(keyText(resource, key)))
    throw new BiodmError('not_found', `There is no such ${resource.name}`)
  const readable = await readableKeys(judging, target, [child])
  if (!readable.has(keyText(target, child)) || !(await isMember())) {
    throw new BiodmError('not_found', `There is no such ${target.name} in "${name}"`)
  }

  async function isMember(): Promise<boolean> {
    if (relation.kind === 'through') {
      const linked = await linkedKeys(core.model, judging.writer, db, resource, name, [key])
      return [...linked.values()].flat().some((other) => keyText(target, other) === keyText(target, child))
    }
    const [row] = await lookupRows(judging.writer, db, target, [child], 'none')
    return row !== undefined && relation.columns.every((pair) => row[pair.column] === key[pair.references])
  }
}
