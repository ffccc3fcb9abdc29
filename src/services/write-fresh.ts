/**
 * The short way for the most frequent write: new rows of one resource with nothing nested, no hooks, no lists to judge.
 * The same plan, the same checks, but one statement without a transaction around it.
 */
import { judge } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Row } from '../hooks.js'
import { reachOf } from '../managers/access.js'
import { freshStatement } from '../managers/mutate/fresh.js'
import { storedColumns } from '../managers/mutate/lookup.js'
import type { Column, Resource } from '../model/model.js'
import type { WritePlan, WriteRow } from '../plan/plan.js'
import { planShape } from '../plan/read.js'
import type { Core, RequestContext } from './core.js'
import { historyRow } from './history.js'
import { hasHooks } from './hooks/run.js'
import { askerOf } from './read-context.js'
import type { WriteOutcome } from './write.js'
import { writerOf } from './write-context.js'
import { completedRow } from './write-prepare.js'

/** Null when the plan needs the ordinary way. */
export async function writeFresh(
  core: Core,
  request: RequestContext,
  resource: Resource,
  plan: WritePlan,
  body: unknown,
): Promise<WriteOutcome | null> {
  if (core.database.dialect !== 'postgres' || request.joined !== null) return null
  if (!isPlain(core, request, resource, plan)) return null
  const shape = planShape(askerOf(core, request), resource)
  if (shape === null) return null
  const key = resource.generatedKey
  if (key === null) return null
  const now = new Date().toISOString()
  const { columns, shared } = freshColumns(resource)
  const rows = plan.rows.map(
    (row, index): Row =>
      // What all rows share is asked of the first.
      completedRow(
        core.model,
        request.caller,
        resource,
        index === 0 ? [...columns, ...shared] : columns,
        row.values,
        now,
      ),
  )
  // Of tables made elsewhere the database fills in what nobody gave: the ordinary way leaves it out.
  const writer = writerOf(core)
  if (!writer.keyed && rows.some((row) => Object.values(row).includes(null))) return null
  const many = plan.many
  const statement = freshStatement(core.model, writer, {
    resource,
    columns,
    shared,
    rows,
    many,
    selection: shape.selection,
    access: shape.access,
    history: historyRow(core.model, request, { resource, keys: [], many, body }),
  })
  if (statement === null) return null
  const [written] = await core.database.write(statement)
  const [text, value] = written ?? []
  // Only a trigger of a database that was made elsewhere can swallow a row.
  if (typeof text !== 'string')
    throw new BiodmError('conflict', `The database kept no row of ${resource.name}`)
  return { resource, many, keys: many ? [] : [{ [key.name]: value }], texts: [text] }
}

/**
 * Stored columns but the generated key. Shared: read-only ones that say who and when, which are the same in all rows
 * where no hook sets them.
 */
function freshColumns(resource: Resource): {
  readonly columns: readonly Column[]
  readonly shared: readonly Column[]
} {
  const stored = storedColumns(resource).filter((column) => column !== resource.generatedKey)
  const isShared = ({ readonly, default: supplied }: Column): boolean =>
    readonly && (supplied?.kind === 'now' || supplied?.kind === 'user')
  return {
    columns: stored.filter((column) => !isShared(column)),
    shared: stored.filter(isShared),
  }
}

/** Everything is new and flat, nothing follows or watches it, and static rules alone decide. */
function isPlain(core: Core, request: RequestContext, resource: Resource, plan: WritePlan): boolean {
  if (hasHooks(resource, 'create', 'postfix') || hasHooks(resource, 'read', 'postfix')) return false
  if (plan.nodes.length !== plan.rows.length || plan.links.length > 0) return false
  if (refersToItsTable(resource, plan)) return false
  const flat = plan.rows.every(
    (row) => row.resource === resource.name && row.key === null && Object.keys(row.lists).length === 0,
  )
  return flat && plan.nodes.every((node) => node.depth === 0) && decidedByRules(core, request, resource)
}

/** By a guess a new row may point at itself or its neighbours, which the statement that makes them does not see yet. */
function refersToItsTable(resource: Resource, plan: WritePlan): boolean {
  for (const relation of resource.relations.values()) {
    if (relation.kind !== 'one' || relation.target !== resource.name) continue
    const given = ({ values }: WriteRow): boolean =>
      relation.columns.every(({ column }) => (values[column] ?? null) !== null)
    if (plan.rows.some(given)) return true
  }
  return false
}

function decidedByRules(core: Core, request: RequestContext, resource: Resource): boolean {
  if (!core.enforce || request.caller?.admin === true) return true
  if (reachOf(resource, 'create').length > 0 || reachOf(resource, 'read').length > 0) return false
  return [...resource.relations.values()].every((relation) => {
    if (relation.kind !== 'one' || !relation.constraint) return true
    const target = core.model.resource(relation.target)
    return (
      reachOf(target, 'read').length === 0 && judge(target, 'read', request.caller, core.enforce) === 'pass'
    )
  })
}
