/** A database whose tables others make (`migrate: off`). */
import type { DialectName } from '../../src/config/definition.js'
import { silentLog } from '../../src/log.js'
import type { Database } from '../../src/managers/database.js'
import { openDatabase } from '../../src/managers/open.js'
import { databaseSettings, type Teardown, testDatabaseUrl } from './databases.js'

export interface Foreign {
  readonly url: string
  readonly database: Database
  run(...texts: readonly string[]): Promise<void>
}

export async function foreignDatabase(t: Teardown, dialect: DialectName): Promise<Foreign> {
  const url = await testDatabaseUrl(t, dialect, { file: true })
  const database = await openDatabase(databaseSettings(url), { log: silentLog(), timeoutMs: 10_000 })
  t.teardown(() => database.close())
  const run = async (...texts: readonly string[]) => {
    for (const text of texts) await database.write({ text, values: [] })
  }
  return { url, database, run }
}
