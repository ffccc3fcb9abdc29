/**
 * Verdicts about the rows of a decided tree, before anything is written: static rules for every resource that is reached,
 * the lists of stored rows, and those of the parents that new or moved rows will belong to.
 */
import { judge, lacking, refusal } from '../access/static.js'
import type { BiodmError } from '../errors.js'
import type { Queryable } from '../managers/database.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import type { Core, RequestContext } from './core.js'
import type { DecidedRow, Decision } from './write-decide.js'

export interface Judging {
  readonly core: Core
  readonly request: RequestContext
  readonly writer: Writer
  readonly db: Queryable
}

export interface Verdicts {
  /** Positions of stored rows that the caller may not read: they are treated as if they were absent. */
  readonly hidden: ReadonlySet<number>
  /** 401 or 403 of the first row that the caller may not write as asked; its pointer is in `errors`. */
  readonly forbidden: BiodmError | null
}

const VERBS = { create: 'create', update: 'update', refer: 'read' } as const

export async function judgeTree(judging: Judging, plan: WritePlan, decision: Decision): Promise<Verdicts> {
  const { core, request } = judging
  if (!core.enforce || request.caller?.admin === true) return { hidden: new Set(), forbidden: null }
  const hidden = new Set<number>()
  const forbidden = staticRefusal(core, request, plan, decision, hidden)
  return { hidden, forbidden }
}

function staticRefusal(
  core: Core,
  request: RequestContext,
  plan: WritePlan,
  decision: Decision,
  hidden: Set<number>,
): BiodmError | null {
  const roots = new Set(plan.target === null ? plan.answer.map((node) => plan.nodes[node]?.row) : [])
  for (const row of decision.rows) {
    const verb = VERBS[row.action]
    const judgement = judge(row.resource, verb, request.caller, core.enforce, subjectOf(row))
    if (judgement === 'pass') continue
    // A bare key inside the tree only refers: whoever may not create the row is told that it does not exist.
    if (row.action === 'create' && row.row.key !== null && !row.row.content && !roots.has(row.position)) {
      hidden.add(row.position)
    } else return refusal(judgement, row.resource.name, verb, row.row.pointer)
  }
  for (const { carrier, pointer } of linkedCarriers(core, plan, decision)) {
    const judgement = judge(carrier.resource, 'update', request.caller, core.enforce, {
      key: carrier.row.key,
      given: LINKING,
    })
    if (judgement !== 'pass')
      return refusal(lacking(request.caller), carrier.resource.name, 'update', pointer)
  }
  return null
}

/** No column of anybody's own names and e-mail: linking is never an update of oneself. */
const LINKING: readonly string[] = Object.freeze(['*'])

const subjectOf = (row: DecidedRow) => ({
  key: row.row.key,
  given: row.action === 'update' ? row.changed : Object.keys(row.row.values),
})

/** Memberships are owned by both of their ends. */
const isMember = (resource: Resource): boolean => resource.name === 'User' || resource.name === 'Group'

/** Stored rows that an n–m link of the plan changes. */
export function linkedCarriers(
  core: Core,
  plan: WritePlan,
  decision: Decision,
): readonly { readonly carrier: DecidedRow; readonly pointer: string }[] {
  return plan.links.flatMap((link) => {
    const from = decision.rows[link.from]
    const to = decision.rows[link.to]
    const pointer = plan.rows[link.to]?.pointer ?? ''
    const both = isMember(core.model.resource(link.resource)) && to !== undefined && isMember(to.resource)
    return [from, both ? to : undefined]
      .filter((row) => row !== undefined)
      .filter((row) => row.action !== 'create')
      .map((carrier) => ({ carrier, pointer }))
  })
}
