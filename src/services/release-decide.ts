import type { Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Model } from '../model/model.js'
import { sameValue } from '../model/values.js'
import type { WritePlan } from '../plan/plan.js'
import type { Release } from './release-context.js'
import { type DecidedRow, type DecideOptions, type Decision, decide } from './write-decide.js'

/**
 * The decision about a body that is written to a version which does not exist yet: its root is the released row, under the
 * old key, since that is the row whose rights and lists count.
 */
export function asRelease(
  decision: Decision,
  plan: WritePlan,
  { key, resource }: Release,
  stored: Readonly<Row>,
): Decision {
  const root = decision.rows[plan.target?.row ?? -1]
  if (root === undefined) return decision
  const released: DecidedRow = {
    ...root,
    row: { ...root.row, key },
    action: 'update',
    stored,
    changed: changedColumns(plan, root, stored, resource.primaryKey),
    verb: 'release',
  }
  const others = decision.refusals.filter((refusal) => refusal.row !== root)
  return { ...decision, rows: replaced(decision, released), refusals: others }
}

const replaced = ({ rows }: Decision, row: DecidedRow): readonly DecidedRow[] =>
  rows.map((other) => (other.position === row.position ? row : other))

function changedColumns(
  plan: WritePlan,
  { row }: DecidedRow,
  stored: Readonly<Row>,
  keys: readonly { readonly name: string }[],
): readonly string[] {
  const changed = new Set(
    Object.keys(row.values).filter(
      (name) => !keys.some((key) => key.name === name) && !sameValue(row.values[name], stored[name]),
    ),
  )
  for (const parent of row.parents) {
    // A parent without a key is about to be created, so the link to it is new.
    if (plan.rows[parent.from]?.key === null) for (const { column } of parent.columns) changed.add(column)
  }
  return [...changed]
}

/** As `decide`; a body without other rows needs nothing to be looked up, since the new version is not there yet. */
export async function decideBody(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  options: DecideOptions,
): Promise<Decision> {
  const [only, second] = plan.rows
  if (only === undefined || second !== undefined) return await decide(model, writer, db, plan, options)
  const row: DecidedRow = {
    position: 0,
    row: only,
    resource: model.resource(only.resource),
    action: 'refer',
    stored: null,
    changed: [],
  }
  return { rows: [row], refusals: [], allocated: new Map() }
}

/** The new version as a row to create: the released one with the changes of the body. */
export function asNewVersion(
  decision: Decision,
  plan: WritePlan,
  next: Readonly<Row>,
  stored: Readonly<Row>,
): Decision {
  const position = plan.target?.row ?? -1
  const [root, planned] = [decision.rows[position], plan.rows[position]]
  if (root === undefined || planned === undefined) return decision
  const { verb: _, ...released } = root
  const created: DecidedRow = {
    ...released,
    row: planned,
    action: 'create',
    stored: { ...stored, ...next, is_latest: true },
  }
  return { ...decision, rows: replaced(decision, created) }
}
