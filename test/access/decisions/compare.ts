/** Sends operations of random worlds to a server and looks for one that is answered otherwise than the model says. */
import type { DialectName } from '../../../src/config/definition.js'
import { type Api, HEADER_AUTH, startApi } from '../../helpers/api.js'
import type { Teardown } from '../../helpers/databases.js'
import { type Operation, seedBodies } from './operations.js'
import { READS } from './reads.js'
import { WRITES } from './trees.js'
import {
  GROUPS,
  pick,
  type Random,
  randomConfig,
  randomOf,
  randomUsers,
  randomWorld,
  toDefinition,
  type Who,
} from './world.js'

const STEPS = 46
const WORLDS_EACH = 2
const ROOT = { username: 'root', groups: ['admin'] }

export interface Outcome {
  readonly decisions: number
  /** What was answered otherwise, with all that is needed to see why. */
  readonly difference: Readonly<Record<string, unknown>> | null
}

/** One random configuration with its worlds. */
export async function compareSeed(t: Teardown, dialect: DialectName, seed: number): Promise<Outcome> {
  const random = randomOf(seed)
  const config = randomConfig(random)
  const api = await startApi(t, toDefinition(config, HEADER_AUTH), { dialect })
  let decisions = 0
  try {
    await api.as(ROOT).post(
      '/groups',
      GROUPS.map((path) => ({ path })),
    )
    for (let each = 0; each < WORLDS_EACH; each++) {
      const outcome = await compareWorld(api, random, config)
      decisions += outcome.decisions
      if (outcome.difference !== null)
        return { decisions, difference: { seed, config, ...outcome.difference } }
    }
    return { decisions, difference: null }
  } finally {
    await api.runtime.close()
  }
}

async function compareWorld(
  api: Api,
  random: Random,
  config: ReturnType<typeof randomConfig>,
): Promise<Outcome> {
  await empty(api)
  const world = randomWorld(random, config)
  for (const [path, body] of seedBodies(world)) {
    const { status, body: problem } = await api.as(ROOT).post(path, body)
    if (status !== 201) return { decisions: 0, difference: { path, problem } }
  }
  let counter = 0
  let decisions = 0
  const next = () => ++counter
  const users = randomUsers(random)
  for (let step = 0; step < STEPS; step++) {
    const makers = step % 4 === 3 ? WRITES : READS
    for (const who of users) {
      const operation = pick(random, makers)(random, world, who, next)
      const said = await compare(api, who, operation)
      decisions += operation.weight
      if (said !== null) return { decisions, difference: { said, who, operation } }
    }
  }
  return { decisions, difference: null }
}

/** Empty tables for the next world; lists go with their rows. */
async function empty(api: Api): Promise<void> {
  const { database } = api.runtime.core
  const entities = api.runtime.model.resource('Dataset').entityTable
  const tables = ['file', 'dataset_tag', 'dataset', entities, 'project', 'tag'].filter(
    (name) => name !== null,
  )
  for (const table of tables) await database.execute({ text: `DELETE FROM "${table}"`, values: [] })
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
