import t from 'tap'
import { BiodmError } from '../../src/errors.js'
import type { Caller } from '../../src/identity.js'
import { definePlugin } from '../../src/index.js'
import type { ListPlan } from '../../src/plan/plan.js'
import { planList, planRead, planRelated } from '../../src/plan/read.js'
import { modelOf } from '../helpers/models.js'

const door = definePlugin({ name: 'door', authenticate: () => null })

const model = await modelOf(
  {
    plugins: { door: {} },
    server: { page_size: 10, max_page_size: 20, limits: { values: 3 } },
    resources: {
      Project: { columns: { name: 'string' }, relations: { datasets: { many: 'Dataset' } } },
      Dataset: {
        versioned: true,
        columns: {
          name: 'string(50)!',
          size: 'integer',
          mass: 'bigint',
          price: 'decimal(6,2)',
          ratio: 'number',
          day: 'date',
          at: 'datetime',
          ok: 'boolean',
          ref: 'uuid',
          doc: 'json',
          status: { type: 'enum', values: ['draft', 'final'] },
          secret: { type: 'string', hidden: true },
        },
        relations: {
          project: { one: 'Project' },
          files: { many: 'File' },
          vault: { one: 'Vault' },
        },
        permissions: { files: { verbs: ['read', 'write'] } },
      },
      File: { columns: { filename: 'string', size: 'bigint' }, relations: { dataset: { one: 'Dataset' } } },
      Vault: {
        columns: { code: 'string' },
        relations: { datasets: { many: 'Dataset' } },
        access: { read: ['keepers'] },
      },
    },
  },
  { door },
)

const ADA: Caller = { username: 'ada', groups: ['lab'], admin: false }
const ask = (caller: Caller = ADA) => ({ model, caller, enforce: true })
const dataset = model.resource('Dataset')
const list = (query: string, caller: Caller = ADA): ListPlan => planList(ask(caller), dataset, query)

function refusal(run: () => unknown): BiodmError {
  try {
    run()
  } catch (error) {
    if (error instanceof BiodmError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

t.test('a query becomes conditions', async (t) => {
  const conditions: [query: string, condition: object][] = [
    ['name=a,b', { kind: 'equals', column: 'name', values: ['a', 'b'], patterns: [] }],
    ['name=a&name=b', { kind: 'equals', column: 'name', values: ['a', 'b'], patterns: [] }],
    ['name=a%5C%2Cb', { kind: 'equals', column: 'name', values: ['a,b'], patterns: [] }],
    ['name=a%5C*', { kind: 'equals', column: 'name', values: ['a*'], patterns: [] }],
    ['name=a%5C%5C', { kind: 'equals', column: 'name', values: ['a\\'], patterns: [] }],
    ['name=', { kind: 'equals', column: 'name', values: [''], patterns: [] }],
    ['name=a+b', { kind: 'equals', column: 'name', values: ['a b'], patterns: [] }],
    ['name=ds_*', { kind: 'equals', column: 'name', values: [], patterns: [{ pieces: ['ds_', ''] }] }],
    ['name=*x*,y', { kind: 'equals', column: 'name', values: ['y'], patterns: [{ pieces: ['', 'x', ''] }] }],
    ['ok=True', { kind: 'equals', column: 'ok', values: [true], patterns: [] }],
    ['price=1.5', { kind: 'equals', column: 'price', values: ['1.50'], patterns: [] }],
    [
      'ref=A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      { kind: 'equals', column: 'ref', values: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], patterns: [] },
    ],
    ['size.gt(10)', { kind: 'compare', column: 'size', operator: 'gt', value: 10 }],
    ['size.gt(10)=', { kind: 'compare', column: 'size', operator: 'gt', value: 10 }],
    ['size.gt%2810%29=', { kind: 'compare', column: 'size', operator: 'gt', value: 10 }],
    [
      'mass.le(9007199254740991)',
      { kind: 'compare', column: 'mass', operator: 'le', value: 9007199254740991 },
    ],
    ['ratio.lt(1e-3)', { kind: 'compare', column: 'ratio', operator: 'lt', value: 0.001 }],
    ['name.ne(a=b(c))', { kind: 'compare', column: 'name', operator: 'ne', value: 'a=b(c)' }],
    [
      'at.ge(2024-02-29T14:00:00.1239%2B02:00)',
      { kind: 'compare', column: 'at', operator: 'ge', value: '2024-02-29T12:00:00.123Z' },
    ],
    ['doc.not_null()', { kind: 'null', column: 'doc', not: true }],
    ['project.null()', { kind: 'relation_null', relation: 'project', not: false }],
    ['size.max()', { kind: 'extreme', column: 'size', function: 'max' }],
    ['version.max_v()', { kind: 'extreme_version', function: 'max' }],
    ['q=size.gt(1)', { kind: 'compare', column: 'size', operator: 'gt', value: 1 }],
    ['q=name%3Da%2526b', { kind: 'equals', column: 'name', values: ['a&b'], patterns: [] }],
  ]
  for (const [query, condition] of conditions) {
    t.test(query, async (t) => t.same(list(query).filter, { conditions: [condition], relations: [] }))
  }
})

t.test('conditions on one relation gather at one place', async (t) => {
  const { filter } = list('files.size.gt(1)&files.filename=x&project.name=y')
  t.same(
    filter.relations.map(({ relation, filter: inner }) => [relation, inner.conditions.length]),
    [
      ['files', 2],
      ['project', 1],
    ],
  )
})

t.test('max_a knows the other columns that are filtered on', async (t) => {
  const { filter } = list('size.max_a()&name=a&size.gt(1)&status.null()')
  t.match(
    filter.conditions.find(({ kind }) => kind === 'extreme_among'),
    { by: ['name', 'status'] },
  )
})

t.test('a faulty parameter is named, with what to do', async (t) => {
  const faults: [query: string, parameter: string, message: RegExp][] = [
    ['nme=a', 'nme', /no field `nme`; did you mean `name`\?/],
    ['secret=a', 'secret', /no field `secret`/],
    ['files.nope=1', 'files.nope', /File has no field `nope`/],
    ['name.x=1', 'name.x', /`name` is a field without fields/],
    ['perm_files=1', 'perm_files', /can be named in `fields` only/],
    ['project=1', 'project', /is a relation; filter by one of its fields, for instance `project\.id`/],
    ['files.null()', 'files.null()', /is a collection, which is never null/],
    ['size=x', 'size', /`x` is not an integer/],
    ['size=2147483648', 'size', /out of range/],
    ['mass=9007199254740993', 'mass', /out of range/],
    ['ratio=1e999', 'ratio', /out of range/],
    ['ratio=0x1', 'ratio', /not a number/],
    ['price=1.555', 'price', /out of range; `price` is decimal\(6,2\)/],
    ['price=12345', 'price', /out of range/],
    ['day=2023-02-29', 'day', /not a date/],
    ['at.gt(2024-01-01)', 'at.gt(2024-01-01)', /a date, a time and an offset/],
    [
      'at.gt(2024-01-01T00:00:00+02:00)',
      'at.gt(2024-01-01T00:00:00 02:00)',
      /write the `\+` of an offset as `%2B`/,
    ],
    ['ok=1', 'ok', /neither `true` nor `false`/],
    ['ref=x', 'ref', /not a uuid/],
    ['status=dratf', 'status', /values are `draft`, `final`/],
    ['doc=1', 'doc', /is json; use `null\(\)`/],
    ['size=1*', 'size', /only text takes wildcards/],
    ['name.gt(2)', 'name.gt(2)', /`gt` works on numbers, dates and datetimes/],
    ['size.lt=2', 'size.lt', /write `size\.lt\(2\)`/],
    ['size.lt(2)=3', 'size.lt(2)', /takes its value in the parentheses/],
    ['size.lt(2', 'size.lt(2', /parentheses do not fit/],
    ['size.gte(2)', 'size.gte(2)', /no operator `gte`; write `size\.ge\(2\)`$/],
    ['size.lee(2)', 'size.lee(2)', /no operator `lee`; did you mean `le`/],
    ['size.null(1)', 'size.null(1)', /takes no value/],
    ['name.ne(a,b)', 'name.ne(a,b)', /takes one value/],
    ['name.ne(a*)', 'name.ne(a*)', /takes no wildcard/],
    ['name=a%5Cx', 'name', /a backslash escapes/],
    ['name=a,b,c,d', 'name', /at most 3 values/],
    ['name=*a*b*c*d*e*', 'name', /at most 5 wildcards/],
    ['name=*a*b*&name=*c*d*', 'name', /at most 5 wildcards/],
    ['files.size.max()', 'files.size.max()', /own columns only/],
    ['ok.max()', 'ok.max()', /works on numbers, dates, datetimes and text/],
    ['size.max_v()', 'size.max_v()', /the `version` of a versioned resource/],
    ['size.max_a()', 'size.max_a()', /needs a filter on another column/],
    ['name=%zz', 'name', /not percent-encoded UTF-8/],
    ['name=%ff', 'name', /not percent-encoded UTF-8/],
    ['name=%00', 'name', /NUL/],
    ['q=q%3Dname', 'q', /another `q`/],
    ['sort=secret', 'sort', /no field `secret`/],
    ['sort=files.size', 'sort', /`files` is a collection; sort through to-one/],
    ['sort=doc', 'sort', /has no order/],
    ['sort=project', 'sort', /is a relation; sort by one of its fields/],
    ['fields=secret', 'fields', /no field `secret`/],
    ['fields=files.dataset.files.dataset.files.id', 'fields', /deeper than 4 relations/],
    ['start=-1', 'start', /counted from 0/],
    ['start=1&start=2', 'start', /given twice/],
    ['start=5&end=4', 'end', /before `start`/],
    ['end=21', 'end', /at most 20 rows/],
    ['count=yes', 'count', /`true` or `false`/],
    [Array.from({ length: 51 }, () => 'name=a').join('&'), 'name', /at most 50 terms|at most 3 values/],
  ]
  for (const [query, parameter, message] of faults) {
    t.test(query.slice(0, 60), async (t) => {
      const error = refusal(() => list(query))
      t.equal(error.code, 'invalid_query')
      const found = error.errors.find((problem) => message.test(problem.message))
      t.equal(found?.parameter, parameter, JSON.stringify(error.errors))
    })
  }
})

t.test('all faults are told at once', async (t) => {
  const error = refusal(() => list('nmae=a&size=x&sort=nope&end=99'))
  t.same(
    error.errors.map(({ parameter }) => parameter),
    ['end', 'sort', 'nmae', 'size'],
  )
  t.match(error.message, /and 3 more problems/)
})

t.test('hidden and unknown fields are told alike', async (t) => {
  const sentence = (name: string) => refusal(() => list(`${name}=1`)).errors[0]?.message.replaceAll(name, 'X')
  t.equal(sentence('secret'), sentence('sxcrxt'))
})

t.test('a query that is too long is 414', async (t) => {
  t.equal(refusal(() => list(`name=${'a'.repeat(9000)}`)).code, 'uri_too_long')
})

t.test('a relation whose target may not be read', async (t) => {
  const relations = (caller: Caller) => list('', caller).selection.relations.map(({ relation }) => relation)
  t.same(relations(ADA), ['project', 'files'], 'is left out of the default shape')
  t.same(relations({ ...ADA, groups: ['keepers__night'] }), ['project', 'files', 'vault'])
  for (const query of [
    'fields=vault',
    'fields=vault.code',
    'vault.code=1',
    'vault.nope=1',
    'vault.null()',
    'sort=vault.code',
  ]) {
    t.equal(refusal(() => list(query)).code, 'forbidden', query)
    t.equal(refusal(() => list(query, null)).code, 'authentication_required', query)
  }
  const parent = { resource: dataset, key: { id: 1, version: 1 }, relation: 'vault' }
  t.equal(refusal(() => planRelated(ask(), parent)).code, 'forbidden')
})

t.test('plans are frozen, and print as data', async (t) => {
  const plan = list('name=a*&sort=-size,project.name&start=2&end=4&count=true&fields=id,files.filename')
  t.ok(Object.isFrozen(plan) && Object.isFrozen(plan.filter) && Object.isFrozen(plan.selection))
  t.same(JSON.parse(JSON.stringify(plan)), {
    kind: 'list',
    resource: 'Dataset',
    parent: null,
    start: 2,
    end: 4,
    count: true,
    sort: [
      { path: [], column: 'size', descending: true },
      { path: ['project'], column: 'name', descending: false },
    ],
    filter: {
      conditions: [{ kind: 'equals', column: 'name', values: [], patterns: [{ pieces: ['a', ''] }] }],
      relations: [],
    },
    selection: {
      columns: ['id'],
      permissions: [],
      relations: [
        { relation: 'files', selection: { columns: ['filename'], permissions: [], relations: [] } },
      ],
    },
    fields: ['id', 'files.filename'],
    access: { kind: 'lists', paths: ['lab'] },
  })
})

t.test('the same choice of fields is the same selection, whatever its order', async (t) => {
  t.equal(list('fields=id,name').selection, list('fields=name,id').selection)
  t.equal(list('').selection, list('size=1').selection)
})

t.test('a single read takes `fields` and nothing else, and shows lists', async (t) => {
  const key = { id: 1, version: 1 }
  t.same(planRead(ask(), dataset, key).selection.permissions, ['perm_files'])
  t.same(list('').selection.permissions, [])
  t.same(list('fields=perm_files').selection.permissions, ['perm_files'])
  t.equal(refusal(() => planRead(ask(), dataset, key, 'name=a')).errors[0]?.parameter, 'name')
})

t.test('who passes every check needs no lists', async (t) => {
  t.same(list('', { ...ADA, admin: true }).access, { kind: 'all' })
  t.same(planList({ model, caller: null, enforce: false }, dataset).access, { kind: 'all' })
})
