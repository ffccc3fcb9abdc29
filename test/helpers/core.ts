/** A `Core` around a fresh, migrated database, for tests of services without a server. */
import type { DialectName } from '../../src/config/definition.js'
import type { Caller } from '../../src/identity.js'
import { silentLog } from '../../src/log.js'
import type { Database } from '../../src/managers/database.js'
import { migrate } from '../../src/managers/migrate.js'
import type { Model } from '../../src/model/model.js'
import type { Core, RequestContext } from '../../src/services/core.js'
import { openTestDatabase, type Teardown } from './databases.js'

export interface TestCore {
  readonly core: Core
  readonly database: Database
  /** A `GET` by this caller; nobody unless named. */
  get(path: string, caller?: Caller): RequestContext
}

export async function coreOf(
  t: Teardown,
  dialect: DialectName,
  model: Model,
  options: { readonly enforce?: boolean } = {},
): Promise<TestCore> {
  const database = await openTestDatabase(t, dialect, { model })
  await migrate(database, model)
  const log = silentLog()
  const core: Core = Object.freeze({
    model,
    database,
    log,
    enforce: options.enforce ?? false,
    managers: {},
    jobs: new Map(),
    objection: () => ({}),
    wakeOutbox: () => undefined,
    service: () => () => {
      throw new Error('no services here')
    },
    metrics: { statement: () => undefined, effectFailed: () => undefined },
    url: () => 'http://127.0.0.1',
  })
  const get = (path: string, caller: Caller = null): RequestContext => ({
    id: 'test',
    caller,
    method: 'GET',
    path,
    signal: new AbortController().signal,
    log,
    joined: null,
  })
  return { core, database, get }
}
