/**
 * One write, top to bottom: static rules → plan → prefix hooks → transaction (lookups, verdicts, rows, postfix hooks,
 * history, read back) → effects. Used by every route that writes, and by `ctx.service(…).write`.
 */
import { demand, judge, refusal } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import type { Queryable, Transaction } from '../managers/database.js'
import { runSteps, type Step, together } from '../managers/mutate/step.js'
import { textsOf } from '../managers/mutate/texts.js'
import type { Model, Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import { planWrite, type WriteRequest } from '../plan/write.js'
import type { Core, Effects, RequestContext } from './core.js'
import { historySteps } from './history.js'
import { hasHooks } from './hooks/run.js'
import { type Transact, withEffects } from './with-effects.js'
import { judgeTree, type Verdicts } from './write-access.js'
import { explained } from './write-conflict.js'
import { type WriteContext, writerOf } from './write-context.js'
import { type Decision, decide, type Refusal } from './write-decide.js'
import { writeFresh } from './write-fresh.js'
import { anyHooked, postfixStage, prefixStage } from './write-hooks.js'
import { checkLists, listWriteSteps } from './write-lists.js'
import { type PreparedRow, prepareRows } from './write-prepare.js'
import { refersToHooked } from './write-references.js'
import { BAD_REQUEST, CONFLICT, throwRefusals } from './write-refuse.js'
import { linkSteps, rowSteps } from './write-steps.js'

/** What was written, in the order of the body. */
export interface WriteOutcome {
  readonly resource: Resource
  readonly many: boolean
  readonly keys: readonly Key[]
  /**
   * As `GET` would show each to the caller; null for a row that they may write but not read. One text without a key holds
   * all, joined by commas.
   */
  readonly texts: readonly (string | null)[]
}

/** Reads rows back in the transaction that wrote them. */
export type ReadBack = (
  context: WriteContext,
  resource: Resource,
  keys: readonly Key[],
) => Promise<readonly (string | null)[]>

/** What a collection route does beside writing the objects of its body. */
export interface Extra {
  /** Before the transaction, after the prefix hooks of the body. */
  prepare?(effects: Effects, plan: WritePlan): Promise<void>
  /** In the transaction, before the first row of the body is written; judges what it does by itself. */
  before(context: WriteContext, plan: WritePlan, rows: readonly PreparedRow[]): Promise<void>
  /** After the rows of the body and their hooks. */
  after?(context: WriteContext): Promise<void>
}

export async function runWrite(
  core: Core,
  request: RequestContext,
  write: WriteRequest,
  readBack: ReadBack,
  extra?: Extra,
): Promise<WriteOutcome> {
  const refused = judgeRoute(core, request, write)
  const planned = { plan: await planOrRefuse(core, request, write, refused) }
  try {
    return await runPlan(core, request, write, planned, readBack, extra)
  } catch (error) {
    throw await explained(core, request, planned.plan, error)
  }
}

/** `planned` holds the plan, and once the prefix hooks have run, what they made of it. */
async function runPlan(
  core: Core,
  request: RequestContext,
  write: WriteRequest,
  planned: { plan: WritePlan },
  readBack: ReadBack,
  extra: Extra | undefined,
): Promise<WriteOutcome> {
  const { plan } = planned
  const hooked = anyHooked(core.model, plan, 'prefix') || refersToHooked(core.model, plan)
  if (write.kind === 'create' && !hooked) {
    const fresh = await writeFresh(core, request, write.resource, plan, write.body)
    if (fresh !== null) return fresh
  }
  const work = async (effects: Effects, transact: Transact): Promise<WriteOutcome> => {
    const final = hooked
      ? await prefixStage(core, request, effects, write, plan, async (preview) => {
          const db = request.joined?.transaction ?? core.database
          const decision = await decide(core.model, writerOf(core), db, preview, { locking: false })
          refuseEarly(preview, decision, await verdicts(core, request, db, preview, decision))
          return decision
        })
      : plan
    planned.plan = final
    await extra?.prepare?.(effects, final)
    return await transact((trx) =>
      carryOut({ core, request, trx, effects, writer: writerOf(core) }, write, final, readBack, extra),
    )
  }
  // Hooks may ask what they like; without them everything goes by keys.
  const keyed = extra === undefined && HOOK_STAGES.every((stage) => !anyHooked(core.model, plan, stage))
  return await withEffects(core, request, work, { keyed })
}

/**
 * Static rules of what the path names: of both ends of a collection. A `POST` may also update or refer to rows, and a `PUT` only write children, so that a
 * refused `create` or `update` is kept until it is known whether it would happen.
 */
function judgeRoute(core: Core, request: RequestContext, write: WriteRequest): BiodmError | null {
  const { caller } = request
  if (write.kind === 'update') {
    demand(write.resource, 'read', caller, core.enforce)
    const subject = { key: write.key, given: [] }
    const judgement = judge(write.resource, 'update', caller, core.enforce, subject)
    return judgement === 'pass' ? null : refusal(judgement, write.resource.name, 'update')
  }
  let target = write.resource
  if (write.kind !== 'create') {
    demand(write.resource, 'read', caller, core.enforce)
    const relation = write.resource.relations.get(write.relation)
    if (relation !== undefined) target = core.model.resource(relation.target)
    demand(target, write.kind === 'add' ? 'create' : 'read', caller, core.enforce)
  }
  const judgement = judge(target, 'create', caller, core.enforce)
  return judgement === 'pass' ? null : refusal(judgement, target.name, 'create')
}

/** A refusal of the path, 404 of its row included, comes before what is wrong with the body. */
async function planOrRefuse(
  core: Core,
  request: RequestContext,
  write: WriteRequest,
  refused: BiodmError | null,
): Promise<WritePlan> {
  try {
    const plan = planWrite(core.model, write, 'client')
    if (refused !== null && happens(plan, write)) throw refused
    return plan
  } catch (error) {
    if (error === refused || !(error instanceof BiodmError)) throw error
    if (write.kind !== 'create') await requireTarget(core, request, write)
    throw refused ?? error
  }
}

/** Whether the plan does what the path's static rule is about, whatever is stored. */
const happens = (plan: WritePlan, write: WriteRequest): boolean =>
  write.kind === 'update'
    ? plan.rows[plan.target?.row ?? -1]?.content === true || plan.nodes.length === 1
    : plan.answer.some((node) => plan.rows[plan.nodes[node]?.row ?? -1]?.key === null)

/** 404 unless the row of the path is there for the caller, 403 unless they may change it as the route does. */
async function requireTarget(
  core: Core,
  request: RequestContext,
  write: Extract<WriteRequest, { readonly key: Key }>,
): Promise<void> {
  const db = request.joined?.transaction ?? core.database
  const naming: WriteRequest =
    write.kind === 'update' ? { ...write, body: { ...write.key } } : { ...write, kind: 'replace', body: [] }
  const bare = planWrite(core.model, naming, 'hooked')
  const decision = await decide(core.model, writerOf(core), db, bare, { locking: false })
  refuseEarly(bare, decision, await verdicts(core, request, db, bare, decision))
}

const HOOK_STAGES = ['prefix', 'postfix'] as const

const verdicts = (
  core: Core,
  request: RequestContext,
  db: Queryable,
  plan: WritePlan,
  decision: Decision,
): Promise<Verdicts> => judgeTree({ core, request, writer: writerOf(core), db }, plan, decision)

/** 404 of the path's row, then what the caller may not do: all that may be said before the prefix hooks. */
export function refuseEarly(plan: WritePlan, decision: Decision, { hidden, forbidden }: Verdicts): void {
  const target = decision.rows[plan.target?.row ?? -1]
  if (target !== undefined && (target.stored === null || hidden.has(target.position))) {
    throw new BiodmError('not_found', `There is no such ${target.resource.name}`)
  }
  if (forbidden !== null) throw forbidden
}

/** The order of the contract: 404 of the path, 400, 401 or 403 inside the tree, 409. */
export function refuse(plan: WritePlan, decision: Decision, judged: Verdicts): void {
  refuseEarly(plan, decision, { ...judged, forbidden: null })
  throwRefusals(decision.refusals, BAD_REQUEST)
  const forbidden = judged.forbidden ?? judged.unmade
  if (forbidden !== null) throw forbidden
  const unreadable = [...judged.hidden].flatMap((position): Refusal[] => {
    const row = decision.rows[position]
    // A row that is only unlinked, and that the caller may not read, stays as it is.
    if (row === undefined || position >= plan.rows.length) return []
    return [{ kind: row.row.content && row.row.missing.length === 0 ? 'taken' : 'absent', row }]
  })
  const dangling = judged.dangling.map(
    ({ row, relation, target }): Refusal => ({ kind: 'dangling', row, relation, target: target.name }),
  )
  throwRefusals([...unreadable, ...dangling, ...decision.refusals], CONFLICT)
}

async function carryOut(
  context: WriteContext,
  write: WriteRequest,
  plan: WritePlan,
  readBack: ReadBack,
  extra: Extra | undefined,
): Promise<WriteOutcome> {
  const { core, request, trx, writer } = context
  const decision = await decide(core.model, writer, trx, plan, { locking: true })
  const judged = await verdicts(core, request, trx, plan, decision)
  refuse(plan, decision, judged)
  await checkLists(core.model, writer, trx, decision)
  const written = decision.rows.filter(
    (row) => row.position < plan.rows.length || !judged.hidden.has(row.position),
  )
  const rows = prepareRows(core.model, request.caller, { ...decision, rows: written })
  const steps = [
    ...rowSteps(writer, rows),
    ...linkSteps(core.model, writer, plan, rows),
    ...listWriteSteps(writer, rows),
  ]
  const answered = plan.answer
    .map((node) => rows[plan.nodes[node]?.row ?? -1])
    .filter((row) => row !== undefined)
  const about = {
    resource: answered[0]?.resource ?? targetOf(core, write),
    keys: answered.map((row) => row.key),
    many: plan.many,
  }
  await extra?.before(context, plan, rows)
  let rest: readonly Step[] = steps
  if (extra?.after !== undefined || anyHooked(core.model, plan, 'postfix')) {
    await runSteps(trx, steps)
    await postfixStage(context, plan, rows)
    await extra?.after?.(context)
    rest = []
  }
  const history = historySteps(core.model, writer, request, { ...about, body: write.body })
  const texts = await lastSteps(
    core.model,
    trx,
    [...rest, ...history],
    isLast(context, plan, about.resource, rest),
    () => readBack(context, about.resource, about.keys),
  )
  return { ...about, texts }
}

/** No hook runs, nothing is checked once the answers are there, and no outer operation goes on. */
function isLast(
  { core, request }: WriteContext,
  plan: WritePlan,
  resource: Resource,
  steps: readonly Step[],
): boolean {
  if (request.joined !== null || hasHooks(resource, 'read', 'postfix')) return false
  if (anyHooked(core.model, plan, 'prefix') || anyHooked(core.model, plan, 'postfix')) return false
  return steps.every((step) => step.check === undefined)
}

/**
 * Remaining statements, the history and the answer: sent together where the database allows it. `last`: nothing else
 * decides about the transaction, so that the commit goes with them.
 */
async function lastSteps<T>(
  model: Model,
  trx: Transaction,
  steps: readonly Step[],
  last: boolean,
  readBack: () => Promise<T>,
): Promise<T> {
  if (trx.dialect === 'postgres') {
    const written = runSteps(trx, together(textsOf(model), steps))
    const read = readBack()
    read.catch(() => undefined)
    if (last) trx.commitBehind()
    await written
    return await read
  }
  await runSteps(trx, steps)
  return await readBack()
}

/** The resource that an empty answer is about. */
function targetOf(core: Core, write: WriteRequest): Resource {
  if (write.kind === 'create' || write.kind === 'update') return write.resource
  const relation = write.resource.relations.get(write.relation)
  return relation === undefined ? write.resource : core.model.resource(relation.target)
}
