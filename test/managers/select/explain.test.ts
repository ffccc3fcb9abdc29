/** What a request costs grows with what it touches, not with what is stored: the plans of both databases say so. */
import t, { type Test } from 'tap'
import type { DialectName } from '../../../src/config/definition.js'
import { definePlugin } from '../../../src/index.js'
import { insertStep } from '../../../src/managers/mutate/rows.js'
import { runSteps } from '../../../src/managers/mutate/step.js'
import { selectStatement } from '../../../src/managers/select/statement.js'
import type { Model } from '../../../src/model/model.js'
import type { QueryPlan } from '../../../src/plan/plan.js'
import { planList, planRead } from '../../../src/plan/read.js'
import { writerOf } from '../../../src/services/write-context.js'
import { coreOf, type TestCore } from '../../helpers/core.js'
import { DIALECTS } from '../../helpers/databases.js'
import { modelOf } from '../../helpers/models.js'

const door = definePlugin({ name: 'door', authenticate: () => null })

const CONFIG = {
  plugins: { door: {} },
  resources: {
    Project: {
      columns: { name: 'string' },
      relations: { datasets: { many: 'Dataset', embed: false } },
      permissions: { datasets: { verbs: ['read'], propagate: ['files'] } },
    },
    Dataset: {
      columns: { name: { type: 'string', index: true }, size: { type: 'integer', index: true } },
      relations: {
        project: { one: 'Project' },
        files: { many: 'File' },
        tags: { many: 'Tag', through: 'dataset_tag' },
      },
    },
    File: { columns: { filename: 'string' }, relations: { dataset: { one: 'Dataset', embed: false } } },
    Tag: {
      columns: { name: { type: 'string', primary: true } },
      relations: { datasets: { many: 'Dataset', through: 'dataset_tag', embed: false } },
    },
  },
}

/** `count` datasets in 20 projects, with two files and one tag each. */
async function fill({ core }: TestCore, count: number): Promise<void> {
  const range = (size: number) => Array.from({ length: size }, (_, index) => index + 1)
  const tables: [string, string, Record<string, unknown>[]][] = [
    ['project', 'id name', range(20).map((id) => ({ id, name: `p${id}` }))],
    ['tag', 'name', range(10).map((id) => ({ name: `t${id}` }))],
    [
      'dataset',
      'id name size project_id',
      range(count).map((id) => ({ id, name: `d${id}`, size: id % 100, project_id: 1 + (id % 20) })),
    ],
    [
      'file',
      'id filename dataset_id',
      range(count * 2).map((id) => ({ id, filename: `f${id}`, dataset_id: 1 + (id % count) })),
    ],
    [
      'dataset_tag',
      'dataset_id tag_name',
      range(count).map((id) => ({ dataset_id: id, tag_name: `t${1 + (id % 10)}` })),
    ],
  ]
  const typeOf = (name: string) => (/id$|size/.test(name) ? ('integer' as const) : ('text' as const))
  await core.database.transaction(async (trx) => {
    for (const [table, names, rows] of tables) {
      const columns = names.split(' ').map((name) => ({ name, type: typeOf(name) }))
      await runSteps(trx, [insertStep(writerOf(core), table, columns, rows)])
    }
  })
  await core.database.execute({ text: 'ANALYZE', values: [] })
}

/** Rows that the nodes of a PostgreSQL plan produced, all loops together. */
function rowsOf(node: Record<string, unknown>): number {
  const inner = (node['Plans'] ?? []) as Record<string, unknown>[]
  const own =
    (Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0)) * Number(node['Actual Loops'])
  return own + inner.reduce((sum, each) => sum + rowsOf(each), 0)
}

async function touched({ core }: TestCore, plan: QueryPlan): Promise<number> {
  const { text, values } = selectStatement(core.model, plan, 'postgres')
  const [row] = await core.database.query({
    text: `EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ${text}`,
    values,
  })
  const [root] = JSON.parse(String(row?.[0])) as [{ Plan: Record<string, unknown> }]
  return rowsOf(root.Plan)
}

interface PlanNode {
  readonly id: number
  readonly parent: number
  readonly detail: string
}

async function sqlitePlan({ core }: TestCore, plan: QueryPlan): Promise<readonly PlanNode[]> {
  const { text, values } = selectStatement(core.model, plan, 'sqlite')
  const rows = await core.database.query({ text: `EXPLAIN QUERY PLAN ${text}`, values })
  return rows.map((row) => ({ id: Number(row[0]), parent: Number(row[1]), detail: String(row[3]) }))
}

/** Tables that are read without a key: only the one that a page is taken from, in its order, until the page is full. */
const scansOf = (nodes: readonly PlanNode[]): readonly string[] =>
  nodes
    .filter(({ detail }) => /^SCAN t\d+/.test(detail) && !detail.includes('COVERING'))
    .filter((node) => !readsSubquery(nodes, node))
    .map(({ detail }) => detail)

/** What goes through the rows of a subquery that stands beside it reads no table. */
const readsSubquery = (nodes: readonly PlanNode[], { parent, detail }: PlanNode): boolean =>
  nodes.some((node) => node.parent === parent && node.detail === detail.replace('SCAN', 'CO-ROUTINE'))

/** Whether the page is sorted after all of its candidates were read. */
function sortsPage(nodes: readonly PlanNode[]): boolean {
  const page = nodes.find(({ detail }) => detail === 'MATERIALIZE page')
  return nodes.some(({ parent, detail }) => parent === page?.id && detail.startsWith('USE TEMP B-TREE'))
}

function plansOf(model: Model): readonly [name: string, plan: () => QueryPlan][] {
  const member = { model, caller: { username: 'ada', groups: ['lab__x'], admin: false }, enforce: true }
  const admin = { ...member, caller: { username: 'root', groups: ['admin'], admin: true } }
  const dataset = model.resource('Dataset')
  return [
    ['a point read', () => planRead(admin, dataset, { id: 7 })],
    ['a point read under rules', () => planRead(member, dataset, { id: 7 })],
    ['the first page', () => planList(admin, dataset)],
    ['the first page under rules', () => planList(member, dataset)],
    ['the first page of files under rules', () => planList(member, model.resource('File'))],
    ['a page sorted by an indexed column', () => planList(admin, dataset, 'sort=name&end=20')],
    [
      'a collection',
      () =>
        planList(member, model.resource('File'), '', {
          resource: dataset,
          key: { id: 7 },
          relation: 'files',
        }),
    ],
    ['an equality on an indexed column', () => planList(admin, dataset, 'name=d7')],
  ]
}

/** Rows of ten times as many datasets must not be touched ten times as often. */
const CHECKS: Readonly<Record<DialectName, (t: Test) => Promise<void>>> = {
  async sqlite(t) {
    const model = await modelOf(CONFIG, { door })
    const here = await coreOf(t, 'sqlite', model)
    await fill(here, 2_000)
    for (const [name, plan] of plansOf(model)) {
      const nodes = await sqlitePlan(here, plan())
      t.ok(scansOf(nodes).length <= (name.includes('page') ? 1 : 0), `${name}: ${scansOf(nodes).join('; ')}`)
      t.notOk(sortsPage(nodes) && scansOf(nodes).length > 0, `${name} sorts nothing it does not send`)
    }
  },
  async postgres(t) {
    const model = await modelOf(CONFIG, { door })
    const [small, large] = [await coreOf(t, 'postgres', model), await coreOf(t, 'postgres', model)]
    await fill(small, 2_000)
    await fill(large, 20_000)
    for (const [name, plan] of plansOf(model)) {
      const [few, many] = [await touched(small, plan()), await touched(large, plan())]
      t.ok(many <= few * 1.3 + 60, `${name} touches ${few} rows of 2 000 and ${many} of 20 000`)
    }
  },
}

for (const dialect of DIALECTS)
  t.test(`on ${dialect}, tables are read by key, or in the order of the page`, CHECKS[dialect])
