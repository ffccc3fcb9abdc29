/**
 * Random decisions compared with a naive model of the rules: worlds, lists, callers, routes. `BIODM_SEED` repeats a run,
 * `BIODM_WORLDS` makes it longer.
 */
import t from 'tap'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { type Operation, READS, seedBodies, WRITES } from './decisions/operations.js'
import {
  GROUPS,
  pick,
  randomConfig,
  randomOf,
  randomUsers,
  randomWorld,
  toDefinition,
  type Who,
} from './decisions/world.js'

const SEED = Number(process.env['BIODM_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const WORLDS = Number(process.env['BIODM_WORLDS'] ?? 14)
const READS_EACH = 34
const WRITES_EACH = 12
const DECISIONS = 50_000

const ROOT = { username: 'root', groups: ['admin'] }

/** Empty tables for the next world; lists go with their rows. */
async function empty(api: Api): Promise<void> {
  const { database } = api.runtime.core
  const entities = api.runtime.model.resource('Dataset').entityTable
  const tables = ['file', 'dataset_tag', 'dataset', entities, 'project', 'tag'].filter(
    (name) => name !== null,
  )
  for (const table of tables) {
    await database.execute({ text: `DELETE FROM "${table}"`, values: [] })
  }
}

async function compare(api: Api, who: Who, operation: Operation): Promise<string | null> {
  const { method, path, body } = operation
  const answer = await api.as(who).request({ method, path, ...(body === undefined ? {} : { body }) })
  if (answer.status !== operation.status) {
    return `${answer.status} instead of ${operation.status}: ${JSON.stringify(answer.body)}`
  }
  if (answer.status >= 400) return null
  operation.apply?.(answer)
  if (operation.view === undefined) return null
  const seen = JSON.stringify(operation.view(answer))
  const expected = JSON.stringify(operation.expected)
  return seen === expected ? null : `${seen} instead of ${expected}`
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: the server decides as the naive model does`, { timeout: 300_000 }, async (t) => {
    let decisions = 0
    for (let each = 0; each < WORLDS || (decisions < DECISIONS && WORLDS >= 14); each++) {
      const seed = SEED + each
      const random = randomOf(seed)
      const config = randomConfig(random)
      const api = await startApi(t, toDefinition(config, HEADER_AUTH), { dialect })
      const admin = api.as(ROOT)
      await admin.post(
        '/groups',
        GROUPS.map((path) => ({ path })),
      )
      for (let round = 0; round < 2; round++) {
        await empty(api)
        const world = randomWorld(random, config)
        for (const [path, body] of seedBodies(world)) {
          const { status, body: problem } = await admin.post(path, body)
          if (status !== 201) throw new Error(`seed ${seed}: ${path}: ${JSON.stringify(problem)}`)
        }
        let counter = 0
        const next = () => ++counter
        const users = randomUsers(random)
        for (let step = 0; step < READS_EACH + WRITES_EACH; step++) {
          for (const who of users) {
            const makers = step % 4 === 3 ? WRITES : READS
            const operation = pick(random, makers)(random, world, who, next)
            const difference = await compare(api, who, operation)
            decisions += operation.weight
            if (difference !== null) {
              t.fail(`${operation.method} ${operation.path}: ${difference}`, {
                seed,
                who,
                operation,
                config,
              })
              return
            }
          }
        }
      }
      await api.runtime.close()
    }
    t.ok(decisions >= DECISIONS || WORLDS < 14, `${decisions} decisions, seed ${SEED}`)
  })
}
