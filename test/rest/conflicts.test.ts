import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const WORLD = {
  name: 'conflicts',
  resources: {
    Project: {
      columns: {
        name: 'string!',
        code: { type: 'string', unique: true },
        pin: { type: 'string', hidden: true, unique: true },
      },
      relations: { parent: { one: 'Project' }, datasets: { many: 'Dataset' } },
    },
    Dataset: {
      versioned: true,
      columns: { name: 'string!' },
      relations: { project: { one: 'Project', required: true }, files: { many: 'File' } },
    },
    File: {
      columns: { filename: 'string!' },
      relations: { dataset: { one: 'Dataset', required: true } },
      unique: [['filename', 'dataset']],
    },
    Card: {
      columns: { label: 'string!' },
      relations: { dataset: { one: 'Dataset', unique: true } },
    },
    Tag: {
      columns: { name: { type: 'string', primary: true }, code: { type: 'string', unique: true } },
    },
    Report: {
      versioned: 'strict',
      columns: { title: 'string!', note: 'text' },
      relations: { tag: { one: 'Tag' } },
    },
    Sample: {
      columns: { site: { type: 'string', primary: true }, nr: { type: 'integer', primary: true } },
      relations: { origin: { one: 'Sample' } },
    },
  },
}

const DATA: readonly (readonly [path: string, body: unknown])[] = [
  ['/projects', { name: 'p', code: 'c1', pin: '1', datasets: [{ name: 'd', files: [{ filename: 'a' }] }] }],
  ['/projects', { name: 'q', code: 'c2' }],
  ['/cards', { label: 'x', dataset_id: 1, dataset_version: 1 }],
  ['/tags', { name: 't', code: 'k' }],
  ['/reports', { title: 'r', tag: { name: 't' } }],
  [
    '/samples',
    [
      { site: 'a', nr: 1 },
      { site: 'a', nr: 2, origin: { site: 'a', nr: 1 } },
    ],
  ],
]

type Case = readonly [
  title: string,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
  /** `pointer message` of each entry. */
  errors: readonly string[],
]

const NO_PROJECT = 'Project with this key does not exist'
const SAME_CODE = 'Another Project has the same code'
const SAME_FILE = 'Another File has the same filename and dataset'

const CASES: readonly Case[] = [
  [
    'a missing reference by its column',
    'POST',
    '/datasets',
    { name: 'd', project_id: 99 },
    409,
    'reference_missing',
    [`/project_id ${NO_PROJECT}`],
  ],
  [
    'every missing reference of an array',
    'POST',
    '/datasets',
    [
      { name: 'd', project_id: 99 },
      { name: 'd', project_id: 1 },
      { name: 'd', project_id: 98 },
    ],
    409,
    'reference_missing',
    [`/0/project_id ${NO_PROJECT}`, `/2/project_id ${NO_PROJECT}`],
  ],
  [
    'a missing reference by an object',
    'POST',
    '/datasets',
    { name: 'd', project: { id: 99 } },
    409,
    'reference_missing',
    [`/project ${NO_PROJECT}`],
  ],
  [
    'a missing reference in an update',
    'PUT',
    '/datasets/1_1',
    { project_id: 99 },
    409,
    'reference_missing',
    [`/project_id ${NO_PROJECT}`],
  ],
  [
    'a missing reference in a release',
    'POST',
    '/datasets/1_1/release',
    { project_id: 99 },
    409,
    'reference_missing',
    [`/project_id ${NO_PROJECT}`],
  ],
  [
    'a missing reference deep in a tree',
    'POST',
    '/projects',
    { name: 'n', datasets: [{ name: 'd' }], parent: { name: 'up', parent_id: 77 } },
    409,
    'reference_missing',
    [`/parent/parent_id ${NO_PROJECT}`],
  ],
  [
    'a missing version',
    'POST',
    '/files',
    { filename: 'z', dataset_id: 1, dataset_version: 2 },
    409,
    'reference_missing',
    ['/dataset_id Dataset with this key does not exist'],
  ],
  [
    'a missing reference before a value that is taken',
    'POST',
    '/projects',
    { name: 'n', code: 'c1', parent_id: 99 },
    409,
    'reference_missing',
    [`/parent_id ${NO_PROJECT}`],
  ],
  [
    'a value that is taken',
    'POST',
    '/projects',
    { name: 'n', code: 'c1' },
    409,
    'unique_violation',
    [`/code ${SAME_CODE}`],
  ],
  [
    'the second of two equal values',
    'POST',
    '/projects',
    [
      { name: 'n', code: 'n' },
      { name: 'm', code: 'n' },
    ],
    409,
    'unique_violation',
    [`/1/code ${SAME_CODE}`],
  ],
  [
    'a value that is taken, in an update',
    'PUT',
    '/projects/1',
    { code: 'c2' },
    409,
    'unique_violation',
    [`/code ${SAME_CODE}`],
  ],
  [
    'a value that another row of the request gives up',
    'POST',
    '/projects',
    [
      { id: 2, code: 'c3' },
      { id: 1, code: 'c2' },
    ],
    409,
    'unique_violation',
    ['/1/code Another Project of this request has this value until it is changed: send two requests'],
  ],
  [
    'a hidden value without its name',
    'POST',
    '/projects',
    { name: 'n', pin: '1' },
    409,
    'unique_violation',
    [' Another Project has the same unique values'],
  ],
  [
    'a value of a row whose key the client gives',
    'POST',
    '/tags',
    { name: 'u', code: 'k' },
    409,
    'unique_violation',
    ['/code Another Tag has the same code'],
  ],
  [
    'several values in a nested array',
    'POST',
    '/projects',
    { name: 'n', datasets: [{ name: 'd', files: [{ filename: 'x' }, { filename: 'x' }] }] },
    409,
    'unique_violation',
    [`/datasets/0/files/1/filename ${SAME_FILE}`],
  ],
  [
    'several values on a collection',
    'POST',
    '/datasets/1_1/files',
    [{ filename: 'b' }, { filename: 'a' }],
    409,
    'unique_violation',
    [`/1/filename ${SAME_FILE}`],
  ],
  [
    'several values by an object',
    'POST',
    '/files',
    { filename: 'a', dataset: { id: 1, version: 1 } },
    409,
    'unique_violation',
    [`/filename ${SAME_FILE}`, `/dataset ${SAME_FILE}`],
  ],
  [
    'a one-to-one that is taken',
    'POST',
    '/cards',
    { label: 'y', dataset: { id: 1, version: 1 } },
    409,
    'unique_violation',
    ['/dataset Another Card has the same dataset'],
  ],
  [
    'fields of a strict resource',
    'PUT',
    '/reports/1_1',
    { title: 's', note: 'n', tag: { name: 'u' } },
    409,
    'versioned_readonly',
    ['/title', '/note', '/tag'].map(
      (at) => `${at} Report changes by release only: title, note, tag_name cannot be written`,
    ),
  ],
  [
    'a version that does not exist',
    'POST',
    '/reports',
    [{ id: 1, version: 2, title: 'x' }],
    400,
    'invalid_body',
    [
      '/0/version Report has no such version: new versions arise by release, a new entity starts with version 1',
    ],
  ],
  [
    'an entity that exists',
    'POST',
    '/reports',
    { id: 1, title: 'x' },
    409,
    'unique_violation',
    ['/id Report with this key exists; name its version to change it'],
  ],
  [
    'an object that is not there',
    'POST',
    '/projects',
    [{ id: 77 }],
    409,
    'reference_missing',
    [`/0/id ${NO_PROJECT}`],
  ],
  [
    'a part of a composite reference',
    'POST',
    '/samples',
    { site: 'b', nr: 1, origin_site: 'a' },
    400,
    'invalid_body',
    ['/origin_site is only a part of "origin": give it as a whole'],
  ],
  [
    'a part of a composite reference to a versioned row',
    'POST',
    '/cards',
    { label: 'y', dataset_id: 1 },
    400,
    'invalid_body',
    ['/dataset_id is only a part of "dataset": dataset_version is missing'],
  ],
  [
    'a composite reference that is half null',
    'PUT',
    '/samples/a_2',
    { origin_site: null, origin_nr: 1 },
    400,
    'invalid_body',
    ['/origin_site is only a part of "origin": origin_nr is given'],
  ],
]

for (const dialect of DIALECTS) {
  t.test(`what ${dialect} refuses is told by its place in the body`, async (t) => {
    const api = await startApi(t, WORLD, { dialect })
    for (const [path, body] of DATA) {
      const answer = await api.post(path, body)
      t.equal(answer.status, 201, path)
    }
    for (const [title, method, path, body, status, code, errors] of CASES) {
      const answer = await api.request({ method, path, body })
      t.equal(answer.status, status, title)
      t.equal(answer.body.code, code, title)
      if (errors.length === 0) continue
      const told = answer.body.errors.map(
        (one: { pointer: string; message: string }) => `${one.pointer} ${one.message}`,
      )
      t.same(told, errors, title)
    }
  })

  t.test(`a refused delete names every relation that holds the row, on ${dialect}`, async (t) => {
    const api = await startApi(t, WORLD, { dialect })
    for (const [path, body] of DATA) await api.post(path, body)
    const cases = [
      ['DELETE', '/projects/1', undefined, 'Dataset (project)'],
      ['DELETE', '/datasets/1_1', undefined, 'File (dataset) and Card (dataset)'],
      ['DELETE', '/projects/1/datasets/1_1', undefined, 'File (dataset) and Card (dataset)'],
      ['PUT', '/projects/1/datasets', [], 'File (dataset) and Card (dataset)'],
      ['DELETE', '/samples/a_1', undefined, 'Sample (origin)'],
    ] as const
    for (const [method, path, body, holders] of cases) {
      const answer = await api.request({ method, path, body })
      t.match(
        answer.body,
        { status: 409, code: 'still_referenced', detail: `The row is still referenced by ${holders}` },
        path,
      )
    }
    await api.delete('/cards/1')
    const freed = await api.delete('/datasets/1_1')
    t.equal(freed.body.detail, 'The row is still referenced by File (dataset)', 'only those that hold it')
  })

  t.test(`rows of one request refer to each other in any order, on ${dialect}`, async (t) => {
    const api = await startApi(t, WORLD, { dialect })
    const cases: readonly (readonly [title: string, path: string, body: unknown])[] = [
      [
        'the referring one first',
        '/projects',
        [
          { id: 5, name: 'a', parent_id: 6 },
          { id: 6, name: 'b' },
        ],
      ],
      [
        'to each other',
        '/samples',
        [
          { site: 'a', nr: 1, origin_site: 'a', origin_nr: 2 },
          { site: 'a', nr: 2, origin_site: 'a', origin_nr: 1 },
        ],
      ],
      [
        'to each other as objects',
        '/projects',
        [
          { id: 7, name: 'a', parent: { id: 8 } },
          { id: 8, name: 'b', parent: { id: 7 } },
        ],
      ],
      ['to itself', '/projects', { id: 9, name: 'a', parent_id: 9 }],
      [
        'an update to a new one',
        '/projects',
        [
          { id: 9, parent_id: 20 },
          { id: 20, name: 'new' },
        ],
      ],
      [
        'another resource first',
        '/datasets',
        [
          { name: 'd', project_id: 30 },
          { name: 'e', project: { id: 30, name: 'new' } },
        ],
      ],
    ]
    for (const [title, path, body] of cases) {
      const answer = await api.post(path, body)
      t.equal(answer.status, 201, title)
    }
    const guess = (await api.post('/projects', { name: 'last' })).body.id + 1
    const guessed = await api.post('/projects', { name: 'own', parent_id: guess })
    if (guessed.body.id === guess) {
      t.match(guessed.body, { parent: { id: guess } }, 'a row that guesses its own key')
    }
    t.same((await api.get(`/projects/${guessed.body.id}`)).body, guessed.body)
    const pair = await api.get('/projects/5')
    t.equal(pair.body.parent.id, 6)
    const emptied = await api.put('/samples/a_1', { origin_site: null })
    t.match(emptied.body, { origin_site: null, origin_nr: null, origin: null }, 'null unlinks as a whole')
  })
}
