/**
 * The hooks of a write: prefix hooks level by level before the transaction, parents first, the body planned anew after
 * each level that they may have changed; postfix hooks level by level inside it.
 */
import type { Key, PostfixItem, PrefixItem, Row, Via } from '../hooks.js'
import { lookupRows, storedColumns } from '../managers/mutate/lookup.js'
import type { Model, Resource } from '../model/model.js'
import type { WriteNode, WritePlan } from '../plan/plan.js'
import { planWrite, type WriteRequest } from '../plan/write.js'
import { keyText } from '../plan/write-shape.js'
import type { Core, Effects, RequestContext } from './core.js'
import { hasHooks, runPostfix, runPrefix } from './hooks/run.js'
import type { WriteContext } from './write-context.js'
import type { DecidedRow, Decision } from './write-decide.js'
import type { PreparedRow } from './write-prepare.js'
import { referStage } from './write-references.js'

type WriteOperation = 'create' | 'update'
const OPERATIONS = ['create', 'update'] as const

export const hooked = (resource: Resource, stage: 'prefix' | 'postfix'): boolean =>
  hasHooks(resource, 'create', stage) || hasHooks(resource, 'update', stage)

export function anyHooked(model: Model, plan: WritePlan, stage: 'prefix' | 'postfix'): boolean {
  let asked = ''
  for (const { resource } of plan.rows) {
    if (resource === asked) continue
    asked = resource
    if (hooked(model.resource(resource), stage)) return true
  }
  return false
}

/** Decides a plan without locks, for the hooks and for the rules that must hold before they act elsewhere. */
export type Preview = (plan: WritePlan) => Promise<Decision>

/** Runs all prefix hooks, at and below a depth; the plan of what they left behind. */
export async function prefixStage(
  core: Core,
  request: RequestContext,
  effects: Effects,
  write: WriteRequest,
  first: WritePlan,
  preview: Preview,
  options: { readonly fromDepth?: number } = {},
): Promise<WritePlan> {
  let plan = first
  const shared = new Map<unknown, unknown>()
  for (let depth = options.fromDepth ?? 0; ; depth++) {
    const nodes = plan.nodes.filter((node) => node.depth === depth)
    if (nodes.length === 0) break
    const groups = group(nodes.filter((node) => hooked(core.model.resource(node.resource), 'prefix')))
    if (groups.size === 0) continue
    const decision = await preview(plan)
    for (const [name, members] of groups) {
      const level = { resource: core.model.resource(name), nodes: members, plan, decision, shared }
      await prefixOf(core, request, effects, write, level)
    }
    if (isDeepest(core.model, plan, depth, nodes)) break
    plan = planWrite(core.model, write, 'hooked')
  }
  const final = planWrite(core.model, write, 'final')
  await referStage(core, request, effects, final, () => preview(final), shared)
  return final
}

/** Nothing hangs below these objects, nor have their hooks hung anything there: no further hooks to find. */
function isDeepest(model: Model, plan: WritePlan, depth: number, nodes: readonly WriteNode[]): boolean {
  if (plan.nodes.some((node) => node.depth > depth)) return false
  return nodes.every(({ resource, data }) => {
    const { relations } = model.resource(resource)
    for (const name in data) if (relations.has(name)) return false
    return true
  })
}

/** Objects of one resource at one depth of the tree. */
interface Level {
  readonly resource: Resource
  readonly nodes: readonly WriteNode[]
  readonly plan: WritePlan
  readonly decision: Decision
  readonly shared: Map<unknown, unknown>
}

async function prefixOf(
  core: Core,
  request: RequestContext,
  effects: Effects,
  write: WriteRequest,
  { resource, nodes, plan, decision, shared }: Level,
): Promise<void> {
  for (const operation of OPERATIONS) {
    const chosen = nodes.filter((node) => operationOf(decision.rows[node.row]) === operation)
    const items = chosen.map(
      (node): PrefixItem => ({
        data: node.data,
        parent: node.parent === null ? null : (plan.nodes[node.parent]?.data ?? null),
        via: viaOf(write, node, plan),
        pointer: node.pointer,
        key: plan.rows[node.row]?.key ?? null,
        stored: decision.rows[node.row]?.stored ?? null,
      }),
    )
    await runPrefix(core, request, effects, { resource, operation, items, shared })
    items.forEach(({ data }, index) => {
      replaceData(chosen[index], data)
    })
  }
}

/** A hook may assign `item.data` anew; what holds the object keeps the one it has. */
function replaceData(node: WriteNode | undefined, data: Row): void {
  if (node === undefined || node.data === data) return
  for (const name of Object.keys(node.data)) delete node.data[name]
  Object.assign(node.data, data)
}

const operationOf = (row: DecidedRow | undefined): WriteOperation => (row?.stored ? 'update' : 'create')

function viaOf(write: WriteRequest, node: WriteNode, plan: WritePlan): PrefixItem['via'] {
  if (node.via === null) return null
  const parent = node.parent === null ? undefined : plan.nodes[node.parent]
  if (parent === undefined) {
    return 'key' in write ? { resource: write.resource.name, relation: node.via, key: write.key } : null
  }
  return { resource: parent.resource, relation: node.via, key: plan.rows[parent.row]?.key ?? null }
}

function group<T extends { readonly resource: string }>(nodes: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const node of nodes) {
    const members = groups.get(node.resource)
    if (members === undefined) groups.set(node.resource, [node])
    else members.push(node)
  }
  return groups
}

/** Calls the postfix hooks of everything created or updated, each row once, by the depth it first appears at. */
export async function postfixStage(
  context: WriteContext,
  plan: WritePlan,
  rows: readonly PreparedRow[],
): Promise<void> {
  // Until the first hook has run nobody but this write can have changed what it made.
  let untouched = true
  for (const { resource, operation, nodes } of postfixCalls(context.core.model, plan, rows)) {
    const known = untouched && operation === 'create' && isAsWritten(context, resource)
    untouched = false
    const written = nodes.map((node): Written => {
      const { key = {}, stored = null, values = null } = rows[node.row] ?? {}
      return { data: node.data, key, stored, now: known ? values : null }
    })
    await postfixOf(context, resource, operation, written)
  }
}

interface PostfixCall {
  readonly resource: Resource
  readonly operation: WriteOperation
  readonly nodes: readonly WriteNode[]
}

function postfixCalls(model: Model, plan: WritePlan, rows: readonly PreparedRow[]): readonly PostfixCall[] {
  return writtenLevels(plan, rows)
    .flatMap((level) => [...group(level)])
    .flatMap(([name, nodes]) => {
      const resource = model.resource(name)
      return OPERATIONS.filter((operation) => hasHooks(resource, operation, 'postfix'))
        .map((operation) => ({
          resource,
          operation,
          nodes: nodes.filter((node) => rows[node.row]?.action === operation),
        }))
        .filter((call) => call.nodes.length > 0)
    })
}

/** Nodes that are created or updated, each row once, by depth from the root down. */
function writtenLevels(plan: WritePlan, rows: readonly PreparedRow[]): readonly (readonly WriteNode[])[] {
  const seen = new Set<number>()
  const levels = new Map<number, WriteNode[]>()
  for (const node of plan.nodes) {
    const row = rows[node.row]
    if (row === undefined || row.action === 'refer' || seen.has(node.row)) continue
    seen.add(node.row)
    const level = levels.get(node.depth) ?? []
    level.push(node)
    levels.set(node.depth, level)
  }
  return [...levels].sort(([a], [b]) => a - b).map(([, level]) => level)
}

/** What was sent is what is there: tables of ours have no triggers, and values are canonical, but for the order of JSON. */
const isAsWritten = ({ writer }: WriteContext, resource: Resource): boolean =>
  writer.keyed && storedColumns(resource).every(({ type }) => type !== 'json')

export interface Written {
  readonly data: Readonly<Row>
  readonly key: Key
  readonly stored: Readonly<Row> | null
  readonly via?: Via | null
  /** The row as it is now, where that is known. */
  readonly now?: Readonly<Row> | null
}

/** The postfix hooks of one operation on rows of one resource, as they are now: looked up unless that is known. */
export async function postfixOf(
  context: WriteContext,
  resource: Resource,
  operation: string,
  written: readonly Written[],
): Promise<void> {
  if (written.length === 0 || !hasHooks(resource, operation, 'postfix')) return
  const { core, request, trx, effects, writer } = context
  const unknown = written.filter(({ now }) => (now ?? null) === null).map((item) => item.key)
  const found = await lookupRows(writer, trx, resource, unknown, 'none')
  const byKey = new Map(found.map((row) => [keyText(resource, row), row]))
  const instance = instances(context, resource)
  const items = written.map(({ now, data, key, stored, via }): PostfixItem => {
    const row = now ?? byKey.get(keyText(resource, key)) ?? { ...stored, ...key }
    return { data, key, stored, row: instance(row), ...(via === undefined ? {} : { via }) }
  })
  await runPostfix(core, request, { transaction: trx, effects }, { resource, operation, items })
}

/** Row → instance of the resource's Objection model, bound to the transaction. */
export function instances(context: WriteContext, resource: Resource): (row: Readonly<Row>) => Row {
  const models = context.core.objection(context.trx.knex())
  const model = models[resource.name] as unknown as { new (): Row } | undefined
  return (row) => Object.assign(model === undefined ? {} : new model(), row)
}
