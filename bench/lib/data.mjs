/** 20 projects, 2 000 datasets, 6 files and 3 tags each; the same rows on both databases. */
import Sqlite from 'better-sqlite3'
import pg from 'pg'

export const DATASETS = 2_000
export const FILES = 6

const at = (index) => new Date(Date.UTC(2026, 0, 1) + index * 61_007).toISOString()

export function* tables() {
  const range = (count, row) => Array.from({ length: count }, (_, index) => row(index + 1))
  yield [
    'project',
    range(20, (id) => ({
      id,
      name: `Project ${id}`,
      description: `What project ${id} is about, in one line`,
    })),
  ]
  yield [
    'person',
    range(50, (id) => ({
      username: `person${id}`,
      email: `person${id}@lab.example`,
      first: 'Ada',
      last: 'Lovelace',
    })),
  ]
  yield ['tag', range(30, (id) => ({ name: `tag${id}` }))]
  yield [
    'dataset',
    range(DATASETS, (id) => ({
      id,
      name: `dataset ${id}`,
      description: 'forty characters of text about the data',
      status: id % 3 === 0 ? 'final' : 'draft',
      size: id * 1_000_003,
      created_at: at(id),
      project_id: 1 + (id % 20),
      contact_username: `person${1 + (id % 50)}`,
    })),
  ]
  yield [
    'file',
    range(DATASETS * FILES, (id) => ({
      id,
      filename: `sample_${id}`,
      extension: 'csv',
      size: id * 17,
      created_at: at(id),
      dataset_id: 1 + Math.floor((id - 1) / FILES),
    })),
  ]
  yield [
    'dataset_tag',
    range(DATASETS * 3, (index) => {
      const dataset = 1 + Math.floor((index - 1) / 3)
      return { dataset_id: dataset, tag_name: `tag${1 + ((dataset + (index % 3) * 7) % 30)}` }
    }),
  ]
}

/**
 * What is released: one run for biodm, one for the limit, each with its readings. Behind them is another, so that both write
 * into the middle of the indexes: at the end of one it is a third cheaper.
 */
export const RUNS = { biodm: 1, limits: 2 }
const BEHIND = 3
const READINGS = 5_000

function* runs() {
  const ids = [...Object.values(RUNS), BEHIND]
  yield ['biodm_entity_run', ids.map((id) => ({ id, last_version: 1 }))]
  yield ['run', ids.map((id) => ({ id, name: `run ${id}`, version: 1, is_latest: true }))]
  yield [
    'reading',
    Array.from({ length: READINGS * ids.length }, (_, index) => ({
      id: index + 1,
      position: Math.floor(index / ids.length),
      value: index / 7,
      note: `reading ${index}`,
      run_id: ids[index % ids.length],
      run_version: 1,
    })),
  ]
}

/** Twenty groups; a list on every project that names three of them, one of them the caller's. */
export const GROUPS = Array.from({ length: 20 }, (_, index) => `lab${index + 1}__team`)

function* lists() {
  yield ['group', [...GROUPS, 'other', 'elsewhere'].map((path) => ({ path }))]
  const projects = Array.from({ length: 20 }, (_, index) => index + 1)
  yield ['biodm_list_project', projects.map((id) => ({ id, of_id: id, rule: 'datasets', verb: 'read' }))]
  yield [
    'biodm_list_entry_project',
    projects.flatMap((id) => [GROUPS[id - 1], 'other', 'elsewhere'].map((path) => ({ list_id: id, path }))),
  ]
}

export async function fillPostgres(url, withLists) {
  const client = new pg.Client(url)
  await client.connect()
  for (const [table, rows] of [...tables(), ...(withLists ? lists() : runs())]) {
    const columns = Object.keys(rows[0])
    const { rows: types } = await client.query(
      'SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1',
      [table],
    )
    const typeOf = new Map(types.map((type) => [type.column_name, type.data_type]))
    const record = columns.map((name) => `"${name}" ${typeOf.get(name)}`).join(', ')
    const names = columns.map((name) => `"${name}"`).join(', ')
    await client.query(
      `INSERT INTO "${table}" (${names}) SELECT ${names} FROM json_to_recordset($1) AS r(${record})`,
      [JSON.stringify(rows)],
    )
    if (columns.includes('id') && typeOf.get('id') === 'integer') {
      await client.query(
        `SELECT setval(pg_get_serial_sequence('"${table}"', 'id'), (SELECT max(id) FROM "${table}"))`,
      )
    }
  }
  await client.query('VACUUM ANALYZE')
  await client.end()
}

/** The driver would bind numbers as REAL, and knows no booleans. */
const bound = (value) => {
  if (typeof value === 'boolean') return value ? 1n : 0n
  return Number.isInteger(value) ? BigInt(value) : value
}

export function fillSqlite(path) {
  const db = new Sqlite(path)
  db.pragma('foreign_keys = ON')
  for (const [table, rows] of [...tables(), ...runs()]) {
    const columns = Object.keys(rows[0])
    const insert = db.prepare(
      `INSERT INTO "${table}" (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    db.transaction(() => {
      for (const row of rows) insert.run(columns.map((name) => bound(row[name])))
    })()
  }
  db.exec('ANALYZE')
  db.close()
}
