/** `biodm_lease`: one holder of a name at a time among all processes, until it releases it or its time is up. */
import type { Database } from './database.js'
import { sql } from './sql.js'

const iso = (ms: number): string => new Date(ms).toISOString()

/** True when `owner` holds the lease now: it was free, run out, or already theirs. */
export async function acquireLease(
  database: Database,
  name: string,
  owner: string,
  ms: number,
): Promise<boolean> {
  const changed = await database.execute(sql(database.dialect)`INSERT INTO biodm_lease (name, owner, until)
    VALUES (${name}, ${owner}, ${iso(Date.now() + ms)})
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
    WHERE biodm_lease.until <= ${iso(Date.now())} OR biodm_lease.owner = ${owner}`)
  return changed > 0
}

export async function releaseLease(database: Database, name: string, owner: string): Promise<void> {
  await database.execute(
    sql(database.dialect)`DELETE FROM biodm_lease WHERE name = ${name} AND owner = ${owner}`,
  )
}
