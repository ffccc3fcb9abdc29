/**
 * The hooks of a write: prefix hooks level by level before the transaction, parents first, the body planned anew after
 * each level that they may have changed; postfix hooks level by level inside it.
 */
import type { Key, PostfixItem, PrefixItem, Row, Via } from '../hooks.js'
import { lookupRows } from '../managers/mutate/lookup.js'
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
    plan = planWrite(core.model, write, 'hooked')
  }
  const final = planWrite(core.model, write, 'final')
  await referStage(core, request, effects, final, () => preview(final), shared)
  return final
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
  for (const operation of ['create', 'update'] as const) {
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
    for (const [index, item] of items.entries()) replaceData(chosen[index], item.data)
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
  for (const level of writtenLevels(plan, rows)) {
    for (const [name, nodes] of group(level)) {
      const resource = context.core.model.resource(name)
      for (const operation of ['create', 'update'] as const) {
        if (!hasHooks(resource, operation, 'postfix')) continue
        const members = nodes.filter((node) => rows[node.row]?.action === operation)
        await postfixOf(
          context,
          resource,
          operation,
          members.map((node) => {
            const row = rows[node.row]
            return { data: node.data, key: row?.key ?? {}, stored: row?.stored ?? null }
          }),
        )
      }
    }
  }
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

export interface Written {
  readonly data: Readonly<Row>
  readonly key: Key
  readonly stored: Readonly<Row> | null
  readonly via?: Via | null
}

/** The postfix hooks of one operation on rows of one resource, which are loaded as they are now. */
export async function postfixOf(
  context: WriteContext,
  resource: Resource,
  operation: string,
  written: readonly Written[],
): Promise<void> {
  if (written.length === 0 || !hasHooks(resource, operation, 'postfix')) return
  const { core, request, trx, effects, writer } = context
  const rows = await lookupRows(
    writer,
    trx,
    resource,
    written.map((item) => item.key),
    'none',
  )
  const byKey = new Map(rows.map((row) => [keyText(resource, row), row]))
  const instance = instances(context, resource)
  const items = written.map(
    (item): PostfixItem => ({
      ...item,
      row: instance(byKey.get(keyText(resource, item.key)) ?? { ...item.stored, ...item.key }),
    }),
  )
  await runPostfix(core, request, { transaction: trx, effects }, { resource, operation, items })
}

/** Row → instance of the resource's Objection model, bound to the transaction. */
export function instances(context: WriteContext, resource: Resource): (row: Readonly<Row>) => Row {
  const models = context.core.objection(context.trx.knex())
  const model = models[resource.name] as unknown as { new (): Row } | undefined
  return (row) => Object.assign(model === undefined ? {} : new model(), row)
}
