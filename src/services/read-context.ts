/** What reading services share: who asks, on what they ask, how rows become text. */
import { BiodmError } from '../errors.js'
import { withoutHidden } from '../managers/access-lists.js'
import type { Queryable, RowArray } from '../managers/database.js'
import type { SelectPlan } from '../managers/select/compilation.js'
import { selectStatement } from '../managers/select/statement.js'
import type { Resource } from '../model/model.js'
import type { Selection } from '../plan/plan.js'
import type { Asker } from '../plan/read.js'
import type { Core, RequestContext } from './core.js'

export const askerOf = (core: Core, request: RequestContext): Asker => ({
  model: core.model,
  caller: request.caller,
  enforce: core.enforce,
})

/** The transaction that the request takes part in, else the database itself. */
export const databaseOf = (core: Core, request: RequestContext): Queryable =>
  request.joined?.transaction ?? core.database

/** Carries out a plan's one statement. */
export async function select(
  core: Core,
  db: Queryable,
  plan: SelectPlan,
  keys: boolean,
): Promise<readonly RowArray[]> {
  const started = performance.now()
  const rows = await db.query(selectStatement(core.model, plan, core.database.dialect, { keys }))
  core.metrics.statement(plan.kind, (performance.now() - started) / 1000)
  return plan.access.kind === 'lists' && showsLists(plan.selection) ? rows.map(shownCells) : rows
}

/** Then `perm_*` fields are left out row by row. */
const showsLists = ({ permissions, relations }: Selection): boolean =>
  permissions.length > 0 || relations.some(({ selection }) => showsLists(selection))

const shownCells = (row: RowArray): RowArray =>
  row.map((cell) => (typeof cell === 'string' ? withoutHidden(cell) : cell))

/** The same for a row that does not exist and for one that the caller may not read; with `toOne`, for an empty relation too. */
export function notFound(resource: Resource, toOne?: string): BiodmError {
  const empty = toOne === undefined ? '' : `, or its "${toOne}" is empty`
  return new BiodmError('not_found', `There is no such ${resource.name}${empty}`)
}
