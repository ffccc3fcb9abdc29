/** The values of key templates: columns of the rows themselves, and what lies beyond to-one relations, in one query. */
import type { Key, ResourceFacts, Row } from 'biodm'
import type { Knex } from 'knex'
import type { Piece, Values } from './keys.js'
import { type FileManager, factsOf } from './manager.js'
import { chunks } from './uploads.js'

export interface KeyedRow {
  readonly key: Key
  readonly row: Readonly<Row>
}

/** For each row the values of all placeholders, in order. */
export async function keyValues(
  manager: FileManager,
  facts: ResourceFacts,
  trx: Knex,
  pieces: readonly Piece[],
  rows: readonly KeyedRow[],
): Promise<readonly Values[]> {
  const placeholders = pieces.filter((piece) => piece.kind === 'value')
  const far = placeholders.filter((piece) => piece.path.length > 1)
  const related = far.length === 0 ? null : await relatedValues(manager, facts, trx, far, rows)
  return rows.map(({ key, row }) => {
    if (related === null && facts.versioned === false && !('version' in row)) return row
    const values: Record<string, unknown> = { ...related?.get(identity(facts, key)) }
    for (const { name, path } of placeholders) if (path.length === 1) values[name] = row[name]
    values['version'] = facts.versioned === false ? '' : `_v${row['version']}`
    return values
  })
}

const identity = (facts: ResourceFacts, key: Readonly<Row>): string =>
  JSON.stringify(facts.primaryKey.map((column) => String(key[column])))

type Far = Extract<Piece, { kind: 'value' }>

async function relatedValues(
  manager: FileManager,
  facts: ResourceFacts,
  trx: Knex,
  far: readonly Far[],
  rows: readonly KeyedRow[],
): Promise<ReadonlyMap<string, Values>> {
  const found = new Map<string, Values>()
  for (const some of chunks(rows)) {
    const query = joined(manager, facts, trx, far)
    matchKeys(
      query,
      facts,
      some.map(({ key }) => key),
    )
    for (const row of (await query) as Row[]) {
      const key = Object.fromEntries(facts.primaryKey.map((column, index) => [column, row[`k${index}`]]))
      found.set(
        identity(facts, key),
        Object.fromEntries(far.map(({ name }, index) => [name, row[`v${index}`]])),
      )
    }
  }
  return found
}

/** `SELECT f.<key>…, <alias>.<column>… FROM file f LEFT JOIN …`, each relation joined once. */
function joined(
  manager: FileManager,
  facts: ResourceFacts,
  trx: Knex,
  far: readonly Far[],
): Knex.QueryBuilder {
  const query = trx({ f: facts.table })
  const aliases = new Map<string, string>([['', 'f']])
  const columns: Record<string, string> = {}
  for (const [index, column] of facts.primaryKey.entries()) columns[`k${index}`] = `f.${column}`
  for (const [index, { path }] of far.entries()) {
    let at = facts
    let alias = 'f'
    for (const [depth, name] of path.slice(0, -1).entries()) {
      const relation = at.toOne[name]
      if (relation === undefined) throw new TypeError(`${at.name} has no relation ${name}`)
      const target = factsOf(manager, relation.target)
      const way = path.slice(0, depth + 1).join('.')
      const next = aliases.get(way) ?? `j${aliases.size}`
      if (!aliases.has(way)) {
        aliases.set(way, next)
        const from = alias
        query.leftJoin({ [next]: target.table }, (on) => {
          for (const pair of relation.columns) on.on(`${next}.${pair.references}`, `${from}.${pair.column}`)
        })
      }
      alias = next
      at = target
    }
    columns[`v${index}`] = `${alias}.${path.at(-1) ?? ''}`
  }
  return query.select(columns)
}

/** Rows of alias `f` with these keys. */
export function matchKeys(query: Knex.QueryBuilder, facts: ResourceFacts, keys: readonly Key[]): void {
  const [only, second] = facts.primaryKey
  if (only !== undefined && second === undefined) {
    query.whereIn(
      `f.${only}`,
      keys.map((key) => key[only] as Knex.Value),
    )
    return
  }
  query.where((any) => {
    for (const key of keys)
      any.orWhere(Object.fromEntries(facts.primaryKey.map((column) => [`f.${column}`, key[column]])))
  })
}
