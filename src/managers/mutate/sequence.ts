/**
 * Generated integer keys. They are taken from the table's own sequence before the rows are inserted, so that every key of
 * a tree is known at once and its statements need not wait for each other. Values given by clients move the sequence
 * behind them.
 */
import { BiodmError } from '../../errors.js'
import type { Resource } from '../../model/model.js'
import type { Queryable } from '../database.js'
import { quote } from './columns.js'
import type { Writer } from './rows.js'
import type { Step } from './step.js'

/** Serial keys are 32-bit integers on both databases. */
export const SERIAL_MAX = 2_147_483_647
/**
 * Given values up to here are followed. Behind one near the end there would be no numbers left, and anybody who may create
 * a row could use them up with one request.
 */
export const FOLLOWED_MAX = SERIAL_MAX - 2 ** 24

/** A gap up to this size is closed by drawing numbers, which cannot move a sequence backwards. */
const DRAW_MAX = 100_000

const generating = (resource: Resource): string => resource.entityTable ?? resource.table

/** Keys for several resources in one statement on PostgreSQL: by resource name, ascending each. */
export async function allocateTogether(
  writer: Writer,
  db: Queryable,
  wanted: readonly { readonly resource: Resource; readonly count: number }[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const asked = wanted.filter(({ resource, count }) => resource.generatedKey !== null && count > 0)
  const allocated = new Map<string, number[]>(asked.map(({ resource }) => [resource.name, []]))
  if (asked.length === 0) return allocated
  if (writer.dialect === 'sqlite') {
    for (const { resource, count } of asked) {
      allocated.set(resource.name, [...(await allocateOnSqlite(writer, db, resource, count))])
    }
    return allocated
  }
  const text = (): string =>
    asked
      .map(({ resource }, index) =>
        allocateText(
          sequenceOf(writer, generating(resource), resource.generatedKey?.name ?? ''),
          index,
          `$${index + 1}`,
        ),
      )
      .join(' UNION ALL ')
  const shape = asked.map(({ resource }) => resource.name).join(' ')
  const rows = await db.query({
    ...writer.texts.get(`allocate ${shape}`, text),
    values: asked.map(({ count }) => count),
  })
  for (const [index, value] of rows) {
    const resource = asked[Number(index)]?.resource
    if (resource === undefined) continue
    if (value === null) throw ungenerated(resource)
    allocated.get(resource.name)?.push(Number(value))
  }
  return allocated
}

/** A table made elsewhere may generate nothing: then its key must be given. */
const ungenerated = ({ name, generatedKey }: Resource): BiodmError =>
  new BiodmError('missing_fields', `${name} missing the following: ${generatedKey?.name}`)

/** `count` new values, ascending. Gaps are allowed, repetitions are not. */
export async function allocateKeys(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  count: number,
): Promise<readonly number[]> {
  const allocated = await allocateTogether(writer, db, [{ resource, count }])
  return allocated.get(resource.name) ?? []
}

async function allocateOnSqlite(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  count: number,
): Promise<readonly number[]> {
  const [table, column] = [generating(resource), resource.generatedKey?.name ?? '']
  let last = await lastOfSqlite(writer, db, table, column, count)
  if (last > SERIAL_MAX) last = await recoverOnSqlite(db, table, column, count)
  if (last > SERIAL_MAX) {
    throw new BiodmError('storage_full', `${resource.name} has no numbers left for its generated key`)
  }
  return Array.from({ length: count }, (_, index) => last - count + 1 + index)
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The sequence that a serial or identity column owns; in tables made elsewhere also one that its default draws from. */
function sequenceOf({ keyed }: Writer, table: string, column: string): string {
  const owned = `pg_get_serial_sequence(${literal(quote(table))}, ${literal(column)})`
  if (keyed) return owned
  return `COALESCE(${owned}, (SELECT q.oid::regclass::text FROM pg_attrdef AS v
    JOIN pg_attribute AS c ON c.attrelid = v.adrelid AND c.attnum = v.adnum
    JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = v.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class AS q ON q.oid = d.refobjid AND q.relkind = 'S'
    WHERE v.adrelid = ${literal(quote(table))}::regclass AND c.attname = ${literal(column)} LIMIT 1))`
}

/**
 * Rows come from an array rather than a series: of that the planner thinks little, so that it keeps the plan; of a series
 * whose length it does not know it expects a thousand rows, and plans anew each time.
 */
const allocateText = (sequence: string, index: number, count: string): string =>
  `SELECT ${index}, nextval(s.name) FROM (SELECT ${sequence}::regclass AS name OFFSET 0) AS s,` +
  ` unnest(array_fill(0, ARRAY[${count}::integer]))`

/**
 * The writer's transaction holds the only write lock, so reading and moving the counter is safe. In tables made elsewhere it
 * need not follow the rows (`INTEGER PRIMARY KEY` without `AUTOINCREMENT`): there their last one counts too.
 */
async function lastOfSqlite(
  writer: Writer,
  db: Queryable,
  table: string,
  column: string,
  count: number,
): Promise<number> {
  const lastRow = `(SELECT COALESCE(max(${quote(column)}), 0) FROM ${quote(table)} WHERE ${quote(column)} <= ${FOLLOWED_MAX})`
  const moved = await db.query({
    ...writer.texts.get(writer.keyed ? 'allocate' : `allocate ${table}`, () => {
      const from = writer.keyed ? 'seq' : `max(seq, ${lastRow})`
      return `UPDATE sqlite_sequence SET seq = ${from} + ? WHERE name = ? RETURNING seq`
    }),
    values: [count, table],
  })
  const [row] = moved
  if (row !== undefined) return Number(row[0])
  const begun = await db.query({
    ...writer.texts.get(
      `allocate first ${table}`,
      () => `INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? + ${lastRow} RETURNING seq`,
    ),
    values: [table, count],
  })
  return Number(begun[0]?.[0])
}

/** Name in `sqlite_sequence` under which the counter of a table is kept before a row moves it to the end. */
const keptName = (table: string): string => `biodm_kept_${table}`

/** SQLite follows every value; when that left no numbers, the counter goes on where it was. */
async function recoverOnSqlite(db: Queryable, table: string, column: string, count: number): Promise<number> {
  const [row] = await db.query({
    text: `UPDATE sqlite_sequence SET seq = ? + max(
      (SELECT COALESCE(max(seq), 0) FROM sqlite_sequence WHERE name = ?),
      (SELECT COALESCE(max(${quote(column)}), 0) FROM ${quote(table)} WHERE ${quote(column)} <= ${FOLLOWED_MAX})
    ) WHERE name = ? RETURNING seq`,
    values: [count, keptName(table), table],
  })
  await db.execute({ text: 'DELETE FROM sqlite_sequence WHERE name = ?', values: [keptName(table)] })
  return Number(row?.[0])
}

function keepSteps(writer: Writer, table: string): readonly Step[] {
  const named = writer.texts.get(
    `keep ${table}`,
    () =>
      'INSERT INTO sqlite_sequence (name, seq) SELECT ?, seq FROM sqlite_sequence AS s WHERE s.name = ?' +
      ` AND s.seq <= ${FOLLOWED_MAX} AND NOT EXISTS (SELECT 1 FROM sqlite_sequence AS k WHERE k.name = ?)`,
  )
  return [{ ...named, values: [[keptName(table), table, keptName(table)]] }]
}

/**
 * Moves the sequence behind the `given` values. On PostgreSQL small gaps are drawn one by one, larger ones set under a lock,
 * since a `setval` may otherwise undo another one; SQLite moves by itself when the row is inserted.
 */
export function advanceSteps(writer: Writer, resource: Resource, given: readonly number[]): readonly Step[] {
  const column = resource.generatedKey
  if (column === null) return []
  if (writer.dialect === 'sqlite') {
    return given.some((value) => value > FOLLOWED_MAX) ? keepSteps(writer, generating(resource)) : []
  }
  const last = given.reduce((a, b) => (b <= FOLLOWED_MAX ? Math.max(a, b) : a), 0)
  if (last === 0) return []
  const sequence = sequenceOf(writer, generating(resource), column.name)
  const named = writer.texts.get(`advance ${generating(resource)} ${column.name}`, () =>
    [
      'SELECT CASE',
      `WHEN s.gap > ${DRAW_MAX} THEN (SELECT setval(s.name, GREATEST($1::integer, COALESCE(pg_sequence_last_value(s.name), 0))) FROM pg_advisory_xact_lock(s.name::oid::bigint))`,
      'ELSE (SELECT max(d.n) FROM (SELECT nextval(s.name) AS n FROM generate_series(1, s.gap)) AS d) END',
      `FROM (SELECT q.name, $1::integer - COALESCE(pg_sequence_last_value(q.name), 0) AS gap`,
      `FROM (SELECT ${sequence}::regclass AS name) AS q OFFSET 0) AS s WHERE s.gap > 0`,
    ].join(' '),
  )
  return [{ ...named, values: [[last]] }]
}
