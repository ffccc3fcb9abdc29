/**
 * A release by hand: the next version of a run, and its readings copied by one `INSERT … SELECT`, in a transaction. Nothing
 * is checked beyond the lock, and no history is kept.
 */
const COPY_RUN = `INSERT INTO run (id, version, name, is_latest) SELECT id, version + 1, name, {true} FROM run
  WHERE id = {1} AND version = {2}`
const COPY_READINGS = `INSERT INTO reading (position, value, note, run_id, run_version)
  SELECT position, value, note, run_id, run_version + 1 FROM reading WHERE run_id = {1} AND run_version = {2}`
const OUTDATE = 'UPDATE run SET is_latest = {false} WHERE id = {1} AND version = {2}'
const COUNT = 'UPDATE biodm_entity_run SET last_version = {2} + 1 WHERE id = {1}'
const LOCK = 'SELECT last_version FROM biodm_entity_run WHERE id = {1}'

const inWords = (words) => (text) => text.replace(/\{(\w+)\}/g, (_, word) => words[word])
const forPostgres = inWords({ 1: '$1', 2: '$2', true: 'true', false: 'false' })
const forSqlite = inWords({ 1: '?1', 2: '?2', true: '1', false: '0' })

const answer = (id, version) => JSON.stringify({ id, version: version + 1 })

export function postgresRelease(pool) {
  const steps = [OUTDATE, COPY_RUN, COUNT, COPY_READINGS].map((text, index) => ({
    name: `l0_release_${index}`,
    text: forPostgres(text),
  }))
  const lock = { name: 'l0_release_lock', text: `${forPostgres(LOCK)} FOR UPDATE` }
  return async (id, version) => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query({ ...lock, values: [id] })
    for (const step of steps) await client.query({ ...step, values: [id, version] })
    await client.query('COMMIT')
    client.release()
    return answer(id, version)
  }
}

export function sqliteRelease(db) {
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  const steps = [OUTDATE, COPY_RUN, COUNT, COPY_READINGS].map((text) => db.prepare(forSqlite(text)))
  const run = db.transaction((id, version) => {
    for (const step of steps) step.run({ 1: id, 2: version })
  })
  return (id, version) => {
    run.immediate(id, version)
    return answer(id, version)
  }
}
