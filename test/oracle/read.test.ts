/**
 * Random worlds, rows and queries: both databases answer what the oracle works out row by row. `BIODM_ORACLE_SEED` and
 * `BIODM_ORACLE_WORLDS` choose others.
 */
import '../helpers/seed.js'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ConfigError } from '../../src/config/diagnostics.js'
import { BiodmError } from '../../src/errors.js'
import type { Key } from '../../src/hooks.js'
import type { Caller } from '../../src/identity.js'
import { definePlugin } from '../../src/index.js'
import type { Model } from '../../src/model/model.js'
import type { Answer } from '../../src/services/core.js'
import { listRows, readRelated, readRow } from '../../src/services/read.js'
import { coreOf, type TestCore } from '../helpers/core.js'
import { DIALECTS } from '../helpers/databases.js'
import { modelOf } from '../helpers/models.js'
import { Oracle } from './evaluate.js'
import { queries } from './queries.js'
import { type Query, writeQuery } from './query.js'
import { Random } from './random.js'
import { storeWorld } from './store.js'
import { makeWorld, type OracleResource, type Row, type World } from './world.js'

const SEED = Number(process.env['BIODM_ORACLE_SEED'] ?? 20261124)
const WORLDS = Number(process.env['BIODM_ORACLE_WORLDS'] ?? 6)
const QUERIES = Number(process.env['BIODM_ORACLE_QUERIES'] ?? 60)
const PAGE = 5

const CALLERS: readonly Caller[] = [
  null,
  { username: 'none', groups: [], admin: false },
  { username: 'lab', groups: ['lab'], admin: false },
  { username: 'deep', groups: ['lab__rna__x', 'ward'], admin: false },
  { username: 'rna', groups: ['lab__rna'], admin: false },
  { username: 'admin', groups: ['admin'], admin: true },
]

const door = definePlugin({ name: 'door', authenticate: () => null })

interface Case {
  readonly resource: string
  readonly query: Query
  readonly style: number
  readonly caller: Caller
  /** Which row's collections are read too, and which row is read. */
  readonly at: number
}

function cases(world: World): fc.Arbitrary<Case> {
  return fc.constantFrom(...world.resources.values()).chain((resource) =>
    fc.record({
      resource: fc.constant(resource.name),
      query: queries(world, resource),
      style: fc.nat(14),
      caller: fc.constantFrom(...CALLERS),
      at: fc.nat(20),
    }),
  )
}

const keyOf = (resource: OracleResource, row: Row): Key =>
  Object.fromEntries(resource.key.map((name) => [name, row[name]]))

async function answered(
  work: Promise<Answer>,
): Promise<{ status: number; body: unknown; headers: Answer['headers'] }> {
  try {
    const { status, body, headers } = await work
    return { status, body: JSON.parse(String(body)), headers }
  } catch (error) {
    if (error instanceof BiodmError)
      return { status: error.status, body: error.message, headers: error.headers }
    throw error
  }
}

async function checkCase(here: TestCore, world: World, each: Case): Promise<void> {
  const { query, caller, style } = each
  const { core, get } = here
  const oracle = new Oracle(world, caller)
  const own = oracle.resource(each.resource)
  const resource = core.model.resource(each.resource)
  const text = writeQuery(query, style)
  const request = get(`/${resource.path}`, caller)

  const listed = await answered(listRows(core, request, resource, text))
  checkList(listed, oracle.list(own, query, null, PAGE), query, text)

  const row = own.rows[each.at % Math.max(1, own.rows.length)]
  if (row === undefined) return
  const key = keyOf(own, row)
  const read = await answered(readRow(core, request, resource, key))
  const visible = oracle.readable(own, row)
  assert.equal(read.status, visible ? 200 : 404)
  if (visible) assert.deepStrictEqual(read.body, oracle.single(own, row))
  await checkRelations(here, world, oracle, each, row)
}

function checkList(
  answer: Awaited<ReturnType<typeof answered>>,
  expected: ReturnType<Oracle['list']>,
  query: Query,
  text: string,
): void {
  assert.equal(answer.status, 200, `${text}: ${String(answer.body)}`)
  assert.deepStrictEqual(answer.body, expected.rows, text)
  const total = answer.headers?.['X-Total-Count']
  assert.equal(total, query.count ? String(expected.total) : undefined, text)
  const size = (query.end ?? (query.start ?? 0) + PAGE) - (query.start ?? 0)
  const link = String(answer.headers?.['Link'] ?? '')
  assert.equal(link.includes('rel="next"'), expected.more && size > 0, text)
}

/** Every relation of one row; collections with the case's query where it fits their resource. */
async function checkRelations(
  here: TestCore,
  world: World,
  oracle: Oracle,
  each: Case,
  row: Row,
): Promise<void> {
  const { core, get } = here
  const own = oracle.resource(each.resource)
  const resource = core.model.resource(each.resource)
  const visible = oracle.readable(own, row)
  for (const relation of own.relations) {
    const target = oracle.resource(relation.target)
    const query = target === own ? each.query : { ...each.query, terms: [], sort: [], fields: null }
    const text = relation.many ? writeQuery(query, each.style) : ''
    const request = get('/x', each.caller)
    const key = keyOf(own, row)
    const answer = await answered(readRelated(core, request, resource, key, relation.name, text))
    const related = oracle.related(row, relation)
    const [only] = related
    if (!visible || (!relation.many && only === undefined)) assert.equal(answer.status, 404, relation.name)
    else if (relation.many) checkList(answer, oracle.list(target, query, related, PAGE), query, text)
    else assert.deepStrictEqual(answer.body, oracle.single(target, only as Row))
  }
  assert.ok(world.resources.size > 0)
}

/** Null for a world whose configuration is refused: releases would break its keys, for instance. */
async function valid(seed: number): Promise<{ world: World; model: Model } | null> {
  const world = makeWorld(new Random(seed))
  const config = { ...world.config, server: { page_size: PAGE, max_page_size: 50 }, plugins: { door: {} } }
  try {
    return { world, model: await modelOf(config, { door }) }
  } catch (error) {
    if (error instanceof ConfigError) return null
    throw error
  }
}

for (const dialect of DIALECTS) {
  t.test(`on ${dialect} random queries are answered as the oracle says`, async (t) => {
    for (let index = 0, seed = SEED; index < WORLDS; index++, seed++) {
      let made = await valid(seed)
      while (made === null) made = await valid(++seed)
      const { world, model } = made
      await t.test(`world ${seed}`, async (t) => {
        const here = await coreOf(t, dialect, model, { enforce: true })
        await storeWorld(here.core, world)
        await fc.assert(
          fc.asyncProperty(cases(world), (each) => checkCase(here, world, each)),
          { numRuns: QUERIES, seed },
        )
        t.pass(`${QUERIES} queries`)
      })
    }
  })
}
