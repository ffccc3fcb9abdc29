/**
 * `perm_*` fields of a write: what changes, whether it can, and the statements that do it. A list given with its `id` is
 * added to, one without is replaced, null clears it; groups that it names need only exist.
 */
import { BiodmError, type Problem } from '../errors.js'
import type { Key, Row } from '../hooks.js'
import { type ListChange, listSteps } from '../managers/access-lists.js'
import type { Queryable } from '../managers/database.js'
import { names, quote } from '../managers/mutate/columns.js'
import { keysText, postgresMatch, sqliteMatch } from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import { listKeyColumn, listTable, type Model, type PermissionRule, type Resource } from '../model/model.js'
import { pointerToken } from '../plan/problems.js'
import { keyText } from '../plan/write-shape.js'
import type { DecidedRow, Decision } from './write-decide.js'
import type { PreparedRow } from './write-prepare.js'

/** One list as the body gives it, validated by the resource's schema. */
interface GivenList {
  readonly id?: number
  readonly groups?: readonly { readonly path: string }[]
}

interface Given {
  readonly row: DecidedRow
  readonly rule: PermissionRule
  readonly verb: string
  /** Null clears. */
  readonly list: GivenList | null
  readonly pointer: string
}

function givenLists(rows: readonly DecidedRow[]): readonly Given[] {
  const listed = rows.filter((row) => row.resource.permissions.length > 0)
  return listed.flatMap((row) =>
    Object.entries(row.row.lists).flatMap(([field, value]) => {
      const rule = row.resource.permissions.find((candidate) => candidate.field === field)
      if (rule === undefined) return []
      const verbs = value === null ? rule.verbs : Object.keys(value as Row)
      return verbs.map(
        (verb): Given => ({
          row,
          rule,
          verb,
          list: value === null ? null : ((value as Record<string, GivenList | null>)[verb] ?? null),
          pointer: `${row.row.pointer}${pointerToken(field)}${value === null ? '' : pointerToken(verb)}`,
        }),
      )
    }),
  )
}

/** Throws 409 `reference_missing` for lists and groups that do not exist: a statement a carrying resource, one for groups. */
export async function checkLists(
  model: Model,
  writer: Writer,
  db: Queryable,
  decision: Decision,
): Promise<void> {
  const given = givenLists(decision.rows)
  if (given.length === 0) return
  const problems = [
    ...(await missingLists(writer, db, given)),
    ...(await missingGroups(model, writer, db, given, decision)),
  ]
  if (problems.length === 0) return
  throw new BiodmError('reference_missing', problems[0]?.message, { errors: problems.slice(0, 100) })
}

/** An `id` must be the one of this row's list for this rule and verb. */
async function missingLists(writer: Writer, db: Queryable, given: readonly Given[]): Promise<Problem[]> {
  const named = given.filter(({ list }) => list?.id !== undefined)
  const byResource = grouped(named)
  const problems: Problem[] = []
  for (const [resource, lists] of byResource) {
    const keys = lists.flatMap(({ row }) => (row.stored === null ? [] : [row.stored]))
    const known = await storedLists(writer, db, resource, keys)
    for (const { row, rule, verb, list, pointer } of lists) {
      const id = row.stored === null ? undefined : known.get(listText(resource, row.stored, rule.key, verb))
      if (id !== list?.id) {
        problems.push({
          pointer: `${pointer}/id`,
          message: 'is not the id of this list; leave it out to replace the list',
        })
      }
    }
  }
  return problems
}

function grouped(given: readonly Given[]): ReadonlyMap<Resource, readonly Given[]> {
  const groups = new Map<Resource, Given[]>()
  for (const each of given) {
    const members = groups.get(each.row.resource)
    if (members === undefined) groups.set(each.row.resource, [each])
    else members.push(each)
  }
  return groups
}

const listText = (resource: Resource, key: Readonly<Row>, rule: string, verb: string): string =>
  `${rule} ${verb} ${keyText(resource, key)}`

/** Ids of the lists of the given rows. */
async function storedLists(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  keys: readonly Readonly<Row>[],
): Promise<ReadonlyMap<string, number>> {
  if (keys.length === 0) return new Map()
  const by = resource.primaryKey.map(({ name, type }) => ({ name: listKeyColumn(name), type }))
  const match = writer.dialect === 'postgres' ? postgresMatch(by) : sqliteMatch(by)
  const named = writer.texts.get(
    `lists ids ${resource.table}`,
    () =>
      `SELECT t."id", t."rule", t."verb", ${names(by, 't.')} FROM ${quote(listTable(resource.table))} AS t ${match}`,
  )
  const wanted = keys.map((key) =>
    Object.fromEntries(resource.primaryKey.map(({ name }) => [listKeyColumn(name), key[name]])),
  )
  const rows = await db.query({ ...named, values: [keysText(writer, by, wanted)] })
  return new Map(
    rows.map(([id, rule, verb, ...key]) => [
      listText(
        resource,
        Object.fromEntries(resource.primaryKey.map(({ name }, index) => [name, key[index]])),
        String(rule),
        String(verb),
      ),
      Number(id),
    ]),
  )
}

/** Groups that the same request creates exist by the time the lists are written. */
async function missingGroups(
  model: Model,
  writer: Writer,
  db: Queryable,
  given: readonly Given[],
  decision: Decision,
): Promise<Problem[]> {
  const named = given.flatMap(({ list, pointer }) =>
    (list?.groups ?? []).map(({ path }, index) => ({ path, pointer: `${pointer}/groups/${index}/path` })),
  )
  const created = decision.rows
    .filter((row) => row.resource.name === 'Group' && row.action === 'create')
    .map((row) => row.row.values['path'])
  const known = new Set<unknown>(created)
  const wanted = [...new Set(named.map(({ path }) => path))].filter((path) => !known.has(path))
  if (wanted.length > 0) {
    const group = model.resource('Group')
    const by = group.primaryKey
    const match = writer.dialect === 'postgres' ? postgresMatch(by) : sqliteMatch(by)
    const text = writer.texts.get(
      'lists groups',
      () => `SELECT ${names(by, 't.')} FROM ${quote(group.table)} AS t ${match}`,
    )
    const keys = wanted.map((path): Key => ({ path }))
    for (const [path] of await db.query({ ...text, values: [keysText(writer, by, keys)] })) known.add(path)
  }
  return named
    .filter(({ path }) => !known.has(path))
    .map(({ path, pointer }) => ({ pointer, message: `there is no group "${path}"` }))
}

/** Statements after which the lists are as the body says; they follow those of the rows. */
export function listWriteSteps(writer: Writer, rows: readonly PreparedRow[]): readonly Step[] {
  const given = givenLists(rows)
  if (given.length === 0) return []
  const keys = new Map(rows.map((row) => [row.position, row.key]))
  return [...grouped(given)].flatMap(([resource, lists]) =>
    listSteps(
      writer,
      resource,
      lists.map(
        ({ row, rule, verb, list }): ListChange => ({
          key: keys.get(row.position) ?? {},
          rule: rule.key,
          verb,
          mode: list === null ? 'clear' : list.id === undefined ? 'replace' : 'add',
          paths: (list?.groups ?? []).map(({ path }) => path),
        }),
      ),
    ),
  )
}
