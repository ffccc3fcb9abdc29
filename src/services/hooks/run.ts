/**
 * Runs the hooks of one resource and operation over all items of one level, in the order of the model: traits first,
 * then the resource's own list. A hook's failure carries plugin, hook and resource into the log; its time is bounded by
 * `server.timeout`; what a prefix hook leaves behind is checked (check.ts).
 */
import { BiodmError } from '../../errors.js'
import type {
  AnswerFacts,
  BaseContext,
  Operation,
  PostfixContext,
  PostfixItem,
  PrefixContext,
  PrefixItem,
  Row,
} from '../../hooks.js'
import { outage } from '../../managers/db-errors.js'
import type { HookBinding, Resource } from '../../model/model.js'
import { type Core, derivedRequest, type Effects, type Joined, type RequestContext } from '../core.js'
import { transaction } from '../plugin-tools.js'
import { checkData, keysBefore } from './check.js'
import { enqueue } from './enqueue.js'
import { may } from './may.js'
import { bounded } from './time.js'

/** Operations of traits (`download`, `complete`) are strings of their own. */
export type HookedOperation = Operation | (string & {})

export interface HookCall<Item> {
  readonly resource: Resource
  readonly operation: HookedOperation
  readonly items: readonly Item[]
  /** Of `read` and `list` hooks. */
  readonly answer?: AnswerFacts
  /** Of prefix hooks: what those of one write share. */
  readonly shared?: Map<unknown, unknown>
  /** Asked after each postfix hook: what it left that it must not, as the rest of a sentence. */
  readonly fault?: () => string | null
}

export function hasHooks(
  resource: Resource,
  operation: HookedOperation,
  stage: 'prefix' | 'postfix',
): boolean {
  return (resource.hooks.get(operation)?.[stage].length ?? 0) > 0
}

/** Before the transaction. Mutates `items[i].data` as the hooks wish; throws what a hook threw, told apart. */
export async function runPrefix(
  core: Core,
  request: RequestContext,
  effects: Effects,
  call: HookCall<PrefixItem>,
): Promise<void> {
  if (call.items.length === 0) return
  const items = Object.freeze([...call.items])
  for (const binding of bindings(call, 'prefix')) {
    const hook = binding.hook
    if (hook.stage !== 'prefix') continue
    const before = keysBefore(call.resource, items)
    await guarded(core, request, call, binding, (signal) => {
      const context: PrefixContext = {
        ...common(core, request, effects, call, binding, signal),
        items,
        may: (verb, item) => may(call.resource, request.caller, core.enforce, verb, item),
        shared: call.shared ?? new Map(),
        transaction: (run, options) => transaction(core, request, binding.plugin, run, options),
      }
      return hook.run(Object.freeze(context))
    })
    const complaint = complaintOf(core, call.resource, items, before)
    if (complaint !== null) throw broken(request, call, binding, complaint)
  }
}

/** A hook may leave accessors, which throw when they are looked at. */
function complaintOf(
  core: Core,
  resource: Resource,
  items: readonly PrefixItem[],
  before: ReturnType<typeof keysBefore>,
): string | null {
  try {
    return checkData(core.model, resource, items, before)
  } catch (error) {
    return `left what cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Inside the transaction, after the rows of this level are written. */
export async function runPostfix(
  core: Core,
  request: RequestContext,
  joined: Joined,
  call: HookCall<PostfixItem>,
): Promise<void> {
  if (call.items.length === 0) return
  const inner: RequestContext = derivedRequest(request, { joined })
  const items = Object.freeze([...call.items])
  for (const binding of bindings(call, 'postfix')) {
    const hook = binding.hook
    if (hook.stage !== 'postfix') continue
    await guarded(core, inner, call, binding, (signal) => {
      const trx = joined.transaction.knex()
      const context: PostfixContext = {
        ...common(core, inner, joined.effects, call, binding, signal),
        items,
        trx,
        models: core.objection(trx),
        enqueue: (job, payload) => enqueue(core, joined, job, payload),
        answer: call.answer ?? null,
      }
      return hook.run(Object.freeze(context))
    })
    const complaint = call.fault?.() ?? null
    if (complaint !== null) throw broken(request, call, binding, complaint)
  }
}

/**
 * The postfix hooks of `read` and `list`: `rows` are the parsed objects that will be sent, changed in place. `keys` are
 * their primary keys in the same order.
 */
export async function runReadHooks(
  core: Core,
  request: RequestContext,
  joined: Joined,
  resource: Resource,
  operation: 'read' | 'list',
  rows: readonly { readonly row: Row; readonly key: Row }[],
  answer: AnswerFacts,
): Promise<void> {
  const items = rows.map(({ row, key }): PostfixItem => ({ data: {}, row, key, stored: null }))
  const fault = (): string | null => {
    const strayed = items.findIndex((item, index) => item.row !== rows[index]?.row)
    return strayed < 0 ? null : `replaced items[${strayed}].row, which is to be changed in place`
  }
  await runPostfix(core, request, joined, { resource, operation, items, answer, fault })
}

function bindings<Item>(call: HookCall<Item>, stage: 'prefix' | 'postfix'): readonly HookBinding[] {
  return call.resource.hooks.get(call.operation)?.[stage] ?? []
}

const originOf = <Item>(call: HookCall<Item>, binding: HookBinding): string =>
  `${binding.plugin}.${binding.name} on ${call.resource.name}`

function common<Item>(
  core: Core,
  request: RequestContext,
  effects: Effects,
  call: HookCall<Item>,
  binding: HookBinding,
  signal: AbortSignal,
) {
  const origin = originOf(call, binding)
  // What runs after a request that was stopped is not stopped with it.
  const serving = () =>
    derivedRequest(request, { signal: effects.phase === 'open' ? signal : new AbortController().signal })
  return {
    settings: binding.settings,
    options: binding.options,
    managers: core.managers,
    identity: request.caller,
    resource: call.resource.name,
    operation: call.operation,
    log: request.log.child({ plugin: binding.plugin, hook: binding.name, resource: call.resource.name }),
    signal,
    service: ((name, options) =>
      core.service({ request: serving() })(name, options)) satisfies BaseContext['service'],
    onRollback: (undo: () => unknown) => effects.onRollback(undo, origin),
    afterCommit: (effect: () => unknown) => effects.afterCommit(effect, origin),
  }
}

/** Names the culprit: a hook's own error is a 500 whose cause is in the log, a `BiodmError` answers as it says. */
async function guarded<Item>(
  core: Core,
  request: RequestContext,
  call: HookCall<Item>,
  binding: HookBinding,
  run: (signal: AbortSignal) => unknown,
): Promise<void> {
  const origin = originOf(call, binding)
  try {
    await bounded(run, core.model.definition.server.timeoutMs, request.signal, `hook ${origin}`)
  } catch (error) {
    const where = placeOf(call, binding)
    const fault = outage(error)
    if (fault !== undefined) {
      request.log.warn({ ...where, err: error }, `hook ${origin} had no database: ${fault.message}`)
      throw fault
    }
    if (error instanceof BiodmError && error.code !== 'internal') {
      request.log.info(
        { ...where, code: error.code, err: error.cause },
        `hook ${origin} refused: ${error.message}`,
      )
      throw error
    }
    request.log.error({ ...where, err: error }, `hook ${origin} failed`)
    throw new BiodmError('internal', undefined, { cause: error })
  }
}

function broken<Item>(
  request: RequestContext,
  call: HookCall<Item>,
  binding: HookBinding,
  complaint: string,
): BiodmError {
  const cause = new Error(`hook ${originOf(call, binding)} ${complaint}`)
  request.log.error({ ...placeOf(call, binding), err: cause }, cause.message)
  return new BiodmError('internal', undefined, { cause })
}

const placeOf = <Item>(call: HookCall<Item>, binding: HookBinding) => ({
  plugin: binding.plugin,
  hook: binding.name,
  resource: call.resource.name,
  operation: call.operation,
})
