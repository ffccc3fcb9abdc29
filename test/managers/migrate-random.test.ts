/** Random pairs of configurations, the second adding to the first: two migrations end where one would. */
import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import type { Database } from '../../src/managers/database.js'
import type { Schema } from '../../src/managers/migrate/schema.js'
import { introspect, migrate, planMigration } from '../../src/managers/migrate.js'
import { DIALECTS, openTestDatabase } from '../helpers/databases.js'
import { modelOf } from '../helpers/models.js'

const RUNS = 12

type Config = Record<string, unknown>
interface World {
  readonly before: Config
  readonly after: Config
}

/** A column, and the same or a wider one. */
const column = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 }))
    .map(([length, more]): [string, string] => [
      `string(${length})`,
      more > 40 ? 'text' : `string(${length + more})`,
    ]),
  fc.constantFrom<[string, string]>(
    ['integer', 'integer'],
    ['integer', 'bigint'],
    ['integer', 'number'],
    ['decimal(8,2)', 'decimal(10,3)'],
    ['boolean', 'boolean'],
    ['date', 'date'],
    ['datetime', 'datetime'],
    ['uuid', 'uuid'],
    ['json', 'json'],
    ['text!', 'text'],
    ['text!', 'text!'],
  ),
)

const NAMES = ['Ant', 'Bee', 'Cat'] as const

const resource = fc.record({
  versioned: fc.boolean(),
  becomesVersioned: fc.boolean(),
  columns: fc.array(column, { minLength: 1, maxLength: 4 }),
  added: fc.array(column, { maxLength: 2 }),
  values: fc.subarray(['a', 'b', "c'd"], { minLength: 1 }),
  index: fc.boolean(),
  unique: fc.boolean(),
  list: fc.boolean(),
  to: fc.option(fc.constantFrom(...NAMES), { nil: null }),
  toLater: fc.boolean(),
  links: fc.option(fc.constantFrom(...NAMES), { nil: null }),
})
type Drawn = Parameters<typeof resource.filter>[0] extends (value: infer R) => unknown ? R : never

const world = fc.array(resource, { minLength: 1, maxLength: NAMES.length }).map((drawn): World => {
  const names = NAMES.slice(0, drawn.length)
  const make = (later: boolean): Config => ({
    auth: 'off',
    resources: Object.fromEntries(
      drawn
        .slice(0, later ? undefined : Math.max(1, drawn.length - 1))
        .map((each, index) => [
          NAMES[index] ?? '',
          resourceOf(
            each,
            NAMES[index] ?? '',
            later,
            later ? names : names.slice(0, Math.max(1, names.length - 1)),
          ),
        ]),
    ),
  })
  return { before: make(false), after: make(true) }
})

function resourceOf(drawn: Drawn, name: string, later: boolean, names: readonly string[]): Config {
  const pick = (pair: [string, string]) => pair[later ? 1 : 0]
  const optional = (pair: [string, string]) => pick(pair).replace('!', '')
  const columns: Config = {}
  drawn.columns.forEach((pair, index) => {
    columns[`c${index}`] = {
      type: pick(pair),
      index: drawn.index && later && index === 0 && pair[0] !== 'json',
    }
  })
  if (later)
    drawn.added.forEach((pair, index) => {
      columns[`d${index}`] = optional(pair)
    })
  const values = later ? [...new Set([...drawn.values, 'z'])] : drawn.values
  columns['state'] = { type: 'enum', values }
  const relations: Config = {}
  if (drawn.to !== null && names.includes(drawn.to) && (later || !drawn.toLater))
    relations['to'] = { one: drawn.to }
  if (drawn.links !== null && names.includes(drawn.links) && drawn.links !== name) {
    relations['links'] = { many: drawn.links, through: `${name.toLowerCase()}_link` }
  }
  return {
    versioned: drawn.versioned || (later && drawn.becomesVersioned && drawn.links === null),
    columns,
    relations,
    ...(drawn.unique && later ? { unique: [['c0', 'state']] } : {}),
    ...(drawn.list ? { permissions: { self: { verbs: ['read'] } } } : {}),
  }
}

const sorted = <T>(list: readonly T[]): readonly T[] =>
  [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/** Without what may differ between two ways to one schema: the order of columns. */
const comparable = (schema: Schema): unknown =>
  Object.fromEntries(
    [...schema].map(([name, { columns, primaryKey, uniques, indexes, checks, foreignKeys }]) => [
      name,
      {
        columns: sorted(columns),
        primaryKey: sorted(primaryKey),
        uniques: sorted(uniques),
        indexes: sorted(indexes),
        checks: sorted(checks.map((check) => ({ ...check, values: sorted(check.values) }))),
        foreignKeys: sorted(foreignKeys),
      },
    ]),
  )

async function ways(database: Database, fresh: Database, { before, after }: World) {
  const [first, second] = [await modelOf(before), await modelOf(after)]
  await migrate(database, first)
  const plan = await migrate(database, second)
  await migrate(fresh, second)
  const again = await planMigration(database, second)
  return {
    plan,
    again,
    one: comparable(await introspect(database)),
    two: comparable(await introspect(fresh)),
  }
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: two migrations that add end where one does, and nothing is left to do`, async (t) => {
    await fc.assert(
      fc.asyncProperty(world, async (drawn) => {
        const closing: (() => unknown)[] = []
        const scope = { teardown: (done: () => unknown) => closing.unshift(done) }
        try {
          const [database, fresh] = [
            await openTestDatabase(scope, dialect),
            await openTestDatabase(scope, dialect),
          ]
          const { plan, again, one, two } = await ways(database, fresh, drawn)
          if (plan.destructive.length > 0)
            throw new Error(plan.destructive.map((step) => step.description).join('; '))
          if (again.steps.length > 0) throw new Error(again.steps.map((step) => step.description).join('; '))
          if (JSON.stringify(one) !== JSON.stringify(two)) {
            throw new Error(`${JSON.stringify(one, null, 1)}\n--- but ---\n${JSON.stringify(two, null, 1)}`)
          }
        } finally {
          for (const done of closing) await done()
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    t.pass(`${RUNS} random pairs`)
  })
}
