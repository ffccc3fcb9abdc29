import t from 'tap'
import { BiodmError } from '../../src/errors.js'
import type { Model } from '../../src/model/model.js'
import { type PlanStage, planWrite, type WriteRequest } from '../../src/plan/write.js'
import { modelOf } from '../helpers/models.js'

const WORLD = {
  resources: {
    Project: {
      columns: { id: 'serial', name: 'string(50)!', code: { type: 'string', unique: true } },
      relations: { datasets: { many: 'Dataset' } },
    },
    Dataset: {
      versioned: true,
      columns: { name: 'string(50)!', size: 'bigint', price: { type: 'decimal(10,2)' } },
      relations: {
        project: { one: 'Project', required: true },
        tags: { many: 'Tag', through: 'dataset_tag' },
        files: { many: 'File' },
        note: { one: 'Note', via: 'dataset' },
      },
    },
    File: {
      columns: { filename: 'string!', ready: { type: 'boolean', readonly: true } },
      relations: { dataset: { one: 'Dataset', required: true } },
    },
    Note: {
      columns: { text: 'text' },
      relations: { dataset: { one: 'Dataset', unique: true } },
    },
    Tag: { columns: { name: { type: 'string', primary: true }, colour: 'string' } },
  },
}

const create = (model: Model, resource: string, body: unknown, stage: PlanStage = 'client') =>
  planWrite(model, { kind: 'create', resource: model.resource(resource), body }, stage)

function failure(run: () => unknown): BiodmError {
  try {
    run()
  } catch (error) {
    if (error instanceof BiodmError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

t.test('a tree becomes rows whose levels put what is referred to first', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Dataset', {
    name: 'd',
    project: { name: 'p' },
    files: [{ filename: 'a' }, { filename: 'b' }],
    tags: [{ name: 'x' }],
  })
  t.same(
    plan.rows.map(({ resource, level, pointer }) => [resource, level, pointer]),
    [
      ['Project', -1, '/project'],
      ['Dataset', 0, ''],
      ['File', 1, '/files/0'],
      ['File', 1, '/files/1'],
      ['Tag', 1, '/tags/0'],
    ],
  )
  t.same(
    plan.nodes.map(({ depth, parent, via }) => [depth, parent, via]),
    [
      [0, null, null],
      [1, 0, 'project'],
      [1, 0, 'files'],
      [1, 0, 'files'],
      [1, 0, 'tags'],
    ],
  )
  t.same(plan.links, [{ resource: 'Dataset', relation: 'tags', from: 1, to: 4 }])
  t.same(
    plan.rows[2]?.parents.map(({ relation, from, inverse }) => [relation, from, inverse]),
    [['dataset', 1, true]],
  )
  t.ok(Object.isFrozen(plan) && Object.isFrozen(plan.rows[0]))
})

t.test('a complete key and nothing else is a reference, whose foreign key is known at once', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Dataset', { name: 'd', project: { id: 3 } })
  t.match(plan.rows[0], { resource: 'Project', key: { id: 3 }, content: false, missing: ['name'] })
  t.match(plan.rows[1], { resource: 'Dataset', key: null, values: { name: 'd', project_id: 3 } })
})

t.test('values take their canonical form', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Dataset', { name: 'd', project_id: 1, price: '-01.5' })
  t.equal(plan.rows[0]?.values['price'], '-1.50')
})

t.test('one row named twice is one row when both say the same', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Dataset', [
    { name: 'a', project_id: 1, tags: [{ name: 'x', colour: 'red' }] },
    { name: 'b', project_id: 1, tags: [{ name: 'x' }, { name: 'x', colour: 'red' }] },
  ])
  t.same(
    plan.rows.filter((row) => row.resource === 'Tag').map((row) => row.values),
    [{ name: 'x', colour: 'red' }],
  )
  t.equal(plan.links.length, 2)
  t.equal(plan.many, true)
})

t.test('a foreign key and the object it points at say the same', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Project', [
    { id: 1, name: 'p', datasets: [{ id: 5, version: 1, name: 'd' }] },
    { id: 2, name: 'q', datasets: [{ id: 6, version: 1, name: 'e', project: { id: 2 } }] },
    { id: 3, name: 'r', datasets: [] },
  ])
  t.equal(plan.rows.length, 5)
  const twice = create(model, 'Dataset', [
    { id: 5, version: 1, name: 'd', project_id: 1 },
    { id: 5, version: 1, name: 'd', project: { id: 1, name: 'p' } },
    { id: 6, name: 'e', project: { id: 1 } },
    { id: 6, version: 1, name: 'e', project_id: 1 },
  ])
  t.same(
    twice.rows.map(({ resource, values }) => [resource, values['id']]),
    [
      ['Dataset', 5],
      ['Project', 1],
      ['Dataset', 6],
    ],
  )
})

const refusals: [title: string, resource: string, body: unknown, code: string, errors: [string, RegExp][]][] =
  [
    ['nothing', 'Project', undefined, 'empty_body', []],
    ['an empty object', 'Project', {}, 'empty_body', []],
    ['an empty array', 'Project', [], 'empty_body', []],
    ['a text', 'Project', 'x', 'invalid_body', [['', /must be an object/]]],
    ['a text in an array', 'Project', [{ name: 'a' }, 'x'], 'invalid_body', [['/1', /must be an object/]]],
    ['an unknown key', 'Project', { name: 'a', nmae: 'b' }, 'invalid_body', [['/nmae', /no field/]]],
    [
      '__proto__',
      'Project',
      JSON.parse('{"name":"a","__proto__":{}}'),
      'invalid_body',
      [['/__proto__', /no field/]],
    ],
    ['a wrong type', 'Project', { name: 7 }, 'invalid_body', [['/name', /string/]]],
    [
      'a read-only key',
      'File',
      { filename: 'a', dataset_id: 1, dataset_version: 1, ready: true },
      'invalid_body',
      [['/ready', /read-only/]],
    ],
    [
      'a missing field',
      'Project',
      { code: 'x' },
      'missing_fields',
      [['', /Project missing the following: name/]],
    ],
    [
      'missing fields of nested objects',
      'Project',
      { name: 'p', datasets: [{ name: 'd', files: [{}] }, { size: 1 }] },
      'missing_fields',
      [
        ['/datasets/0/files/0', /File missing the following: filename/],
        ['/datasets/1', /Dataset missing the following: name/],
      ],
    ],
    ['a missing relation', 'Dataset', { name: 'd' }, 'missing_fields', [['', /project/]]],
    [
      'a required relation set to null',
      'Dataset',
      { name: 'd', project: null },
      'invalid_body',
      [
        ['/project', /required/],
        ['', /missing/],
      ],
    ],
    [
      'a key and an object that contradict each other',
      'Dataset',
      { name: 'd', project_id: 1, project: { id: 2 } },
      'invalid_body',
      [['/project_id', /contradicts "project"/]],
    ],
    [
      'a key beside a new object',
      'Dataset',
      { name: 'd', project_id: 1, project: { name: 'p' } },
      'invalid_body',
      [['/project_id', /contradicts "project"/]],
    ],
    [
      'null beside a new object',
      'Note',
      { text: 'n', dataset_id: null, dataset_version: null, dataset: { name: 'd', project_id: 1 } },
      'invalid_body',
      [
        ['/dataset_id', /contradicts "dataset"/],
        ['/dataset_version', /contradicts "dataset"/],
      ],
    ],
    [
      'null inside a new object that holds it',
      'Project',
      { name: 'p', datasets: [{ name: 'd', project_id: 1, note: { text: 'n', dataset_id: null } }] },
      'invalid_body',
      [
        ['/datasets/0/project_id', /contradicts "project"/],
        ['/datasets/0/note/dataset_id', /contradicts "dataset"/],
      ],
    ],
    [
      'a child that says another parent',
      'Project',
      { id: 1, name: 'p', datasets: [{ name: 'd', project_id: 2 }] },
      'invalid_body',
      [['/datasets/0/project_id', /contradicts "project"/]],
    ],
    [
      'the same row twice with different content',
      'Tag',
      [
        { name: 'x', colour: 'red' },
        { name: 'x', colour: 'blue' },
      ],
      'invalid_body',
      [['/1', /same row as "\/0" with different content/]],
    ],
    [
      'one new entity twice with different content',
      'Dataset',
      [
        { id: 7, name: 'd', project_id: 1 },
        { id: 7, version: 1, name: 'e', project_id: 1 },
      ],
      'invalid_body',
      [['/1', /same row as "\/0" with different content/]],
    ],
    [
      'a new entity twice, once without what it needs',
      'Dataset',
      [{ id: 7, name: 'd', project_id: 1 }, { id: 7 }],
      'missing_fields',
      [['/1', /Dataset missing the following: name, project/]],
    ],
    [
      'a collection that is no array',
      'Project',
      { name: 'p', datasets: {} },
      'invalid_body',
      [['/datasets', /array/]],
    ],
    [
      'a pointer with special characters',
      'Project',
      { name: 'p', 'a/b~c': 1 },
      'invalid_body',
      [['/a~1b~0c', /no field/]],
    ],
  ]

t.test('what is wrong with a body is refused with its place', async (t) => {
  const model = await modelOf(WORLD)
  for (const [title, resource, body, code, errors] of refusals) {
    t.test(title, async (t) => {
      const error = failure(() => create(model, resource, body))
      t.equal(error.code, code)
      t.same(
        error.errors.map(({ pointer }) => pointer),
        errors.map(([pointer]) => pointer),
      )
      errors.forEach(([, message], index) => {
        t.match(error.errors[index]?.message, message)
      })
    })
  }
})

t.test('problems are listed together, the first hundred', async (t) => {
  const model = await modelOf(WORLD)
  const error = failure(() =>
    create(
      model,
      'Project',
      Array.from({ length: 150 }, () => ({ name: 1 })),
    ),
  )
  t.equal(error.errors.length, 100)
  t.match(error.message, /149 more problems/)
})

t.test('a tree is refused beyond its limits of depth and rows', async (t) => {
  const nested = (depth: number): unknown =>
    depth === 0 ? { name: 'end' } : { name: 'n', children: [nested(depth - 1)] }
  const model = await modelOf({
    resources: {
      Node: {
        columns: { name: 'string!' },
        relations: { parent: { one: 'Node' }, children: { many: 'Node' } },
      },
    },
  })
  t.equal(create(model, 'Node', nested(7)).rows.length, 8)
  t.match(failure(() => create(model, 'Node', nested(8))).message, /deeper than 8/)
  const many = (count: number) => Array.from({ length: count }, () => ({ name: 'x' }))
  t.equal(create(model, 'Node', many(10_000)).rows.length, 10_000)
  t.match(failure(() => create(model, 'Node', many(10_001))).message, /at most 10000/)
})

t.test('an update takes its key from the path, and the body may only repeat it', async (t) => {
  const model = await modelOf(WORLD)
  const update = (body: unknown) => {
    const request: WriteRequest = {
      kind: 'update',
      resource: model.resource('Project'),
      key: { id: 7 },
      body,
    }
    return planWrite(model, request, 'client')
  }
  t.match(update({ name: 'x' }).rows[0], { key: { id: 7 }, values: { id: 7, name: 'x' } })
  t.match(update({ id: 7, name: 'x' }).target, { mode: 'update' })
  t.match(failure(() => update({ id: 8, name: 'x' })).errors, [{ pointer: '/id', message: /cannot change/ }])
})

t.test('objects of a collection route belong to the row of the path', async (t) => {
  const model = await modelOf(WORLD)
  const plan = planWrite(
    model,
    {
      kind: 'add',
      resource: model.resource('Dataset'),
      key: { id: 1, version: 2 },
      relation: 'files',
      body: [{ filename: 'a' }],
    },
    'client',
  )
  t.match(plan.rows[0], { resource: 'Dataset', content: false, key: { id: 1, version: 2 } })
  t.match(plan.rows[1]?.values, { filename: 'a', dataset_id: 1, dataset_version: 2 })
  t.match(plan.nodes, [{ pointer: '/0', depth: 0, row: 1, via: 'files' }])
  t.match(plan.target, { mode: 'add', relation: 'files' })
})

t.test('an inverse one-to-one is written like a child, and null unlinks it', async (t) => {
  const model = await modelOf(WORLD)
  const plan = create(model, 'Dataset', { id: 1, version: 1, name: 'd', project_id: 1, note: { text: 'n' } })
  t.match(plan.rows[1], { resource: 'Note', values: { dataset_id: 1, dataset_version: 1 } })
  const unlinked = create(model, 'Dataset', { id: 1, version: 1, note: null })
  t.same(unlinked.unlinks, [{ relation: 'note', from: 0 }])
})
