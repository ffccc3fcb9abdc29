/** Links of n–m relations as changes of the rows that carry them. */
import { decodeRow, lookupStatement } from '../managers/mutate/lookup.js'
import type { Model, Resource } from '../model/model.js'
import type { WriteLink, WritePlan } from '../plan/plan.js'
import type { Judging } from './write-access.js'
import type { DecidedRow, Decision } from './write-decide.js'
import { type Association, associationOf } from './write-steps.js'

/** An existing row that a link would change. */
export interface LinkedCarrier {
  readonly link: WriteLink
  readonly carrier: DecidedRow
  readonly to: DecidedRow
  /** Of the object linked to. */
  readonly pointer: string
}

/** No column of anybody's own names and e-mail: linking is never an update of oneself. */
export const LINKING: readonly string[] = Object.freeze(['*'])

/** Memberships are owned by both of their ends. */
export const isMember = (resource: Resource): boolean => resource.name === 'User' || resource.name === 'Group'

export function linkedCarriers(model: Model, plan: WritePlan, decision: Decision): readonly LinkedCarrier[] {
  return plan.links.flatMap((link) => {
    const from = decision.rows[link.from]
    const to = decision.rows[link.to]
    if (from === undefined || to === undefined) return []
    const both = isMember(model.resource(link.resource)) && isMember(to.resource)
    return (both ? [from, to] : [from])
      .filter((row) => row.action !== 'create')
      .map((carrier) => ({ link, carrier, to, pointer: to.row.pointer }))
  })
}

/** Those of the links that are stored already: one lookup for each association. */
export async function unchangedLinks(
  { core, writer, db }: Judging,
  carriers: readonly LinkedCarrier[],
  decision: Decision,
): Promise<ReadonlySet<WriteLink>> {
  const asked = new Map<string, { association: Association; resource: Resource; links: Set<WriteLink> }>()
  for (const { link } of carriers) {
    const association = associationOf(core.model, link.resource, link.relation)
    const group = asked.get(association.table) ?? {
      association,
      resource: core.model.resource(link.resource),
      links: new Set(),
    }
    asked.set(association.table, group)
    group.links.add(link)
  }
  const unchanged = new Set<WriteLink>()
  for (const { association, resource, links } of asked.values()) {
    const { table, columns } = association
    const wanted = [...links].flatMap((link) => {
      const row = linkRow(core.model, link, decision)
      return row === null ? [] : [{ link, row }]
    })
    if (wanted.length === 0) continue
    const rows = await db.query(
      lookupStatement(
        writer,
        resource,
        wanted.map(({ row }) => row),
        'none',
        columns,
        { table, columns },
      ),
    )
    const text = (row: Readonly<Record<string, unknown>>) =>
      JSON.stringify(columns.map(({ name }) => String(row[name])))
    const stored = new Set(rows.map((row) => text(decodeRow(columns, row))))
    for (const { link, row } of wanted) if (stored.has(text(row))) unchanged.add(link)
  }
  return unchanged
}

/** Null when an end is yet to be created. */
function linkRow(
  model: Model,
  link: WriteLink,
  decision: Decision,
): Readonly<Record<string, unknown>> | null {
  const from = decision.rows[link.from]
  const to = decision.rows[link.to]
  if (from?.stored == null || to?.stored == null) return null
  return associationOf(model, link.resource, link.relation).row(from.stored, to.stored)
}
