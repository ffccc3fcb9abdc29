import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

/** Words that SQL, or our own statements, use too. */
const NAMES = [
  'Page',
  'K',
  'P',
  'H',
  'X',
  'T',
  'Order',
  'Select',
  'Value',
  'Key',
  'Acl',
  'N',
  'J',
  'E',
  'Table',
  'Excluded',
]

for (const dialect of DIALECTS) {
  t.test(`${dialect}: resources may be called like anything in a statement`, async (t) => {
    const resources = Object.fromEntries(
      NAMES.map((name, index) => [
        name,
        {
          path: `r${index}`,
          versioned: index % 3 === 0,
          columns: { name: 'string(50)!', group: 'text', k: 'integer' },
          relations: {
            next: { one: NAMES[(index + 1) % NAMES.length] },
            before: { many: NAMES[(index + NAMES.length - 1) % NAMES.length], via: 'next' },
          },
        },
      ]),
    )
    const api = await startApi(t, { auth: 'off', resources }, { dialect })
    for (const [index] of NAMES.entries()) {
      const path = `/r${index}`
      const made = await api.post(path, [
        { name: 'a', k: 1, before: [{ name: 'b' }] },
        { name: 'c', k: 2 },
      ])
      t.equal(made.status, 201, `${NAMES[index]}: ${JSON.stringify(made.body)}`)
      t.equal((await api.post(path, { name: 'd', group: 'g' })).status, 201)
      const { id, version } = made.body[0]
      const key = version === undefined ? `${id}` : `${id}_${version}`
      t.equal((await api.get(`${path}/${key}`)).status, 200)
      t.equal((await api.get(`${path}?name=a*&before.name=b&sort=-next.name,k&count=true`)).status, 200)
      t.equal((await api.get(`${path}/${key}/before?k.max()`)).status, 200)
      t.equal((await api.put(`${path}/${key}`, { k: 3 })).status, 200)
      if (version !== undefined) t.equal((await api.post(`${path}/${key}/release`, { k: 4 })).status, 201)
    }
  })
}

/** Aliases and columns of our own statements, and words of SQL. */
const COLUMNS = [
  ...'abcdefghijklmnoprstuvwxyz',
  ...[
    't0',
    't1',
    'k0',
    'k1',
    'ord',
    'value',
    'key',
    'sort0',
    'sort1',
    'total',
    'more',
    'list_id',
    'rule',
    'last_version',
  ],
  ...[
    'rowid',
    'oid',
    'user',
    'order',
    'select',
    'null',
    'json',
    'row',
    'acl',
    'biodm_page',
    'keys',
    'row_to_json',
    'default',
  ],
]
const columns = Object.fromEntries(COLUMNS.map((name) => [name, 'integer']))
/** Each column another value, and in each row. */
const valued = (row: number, more: object = {}) => ({
  ...Object.fromEntries(COLUMNS.map((name, index) => [name, row * 100 + index])),
  ...more,
})

for (const dialect of DIALECTS) {
  t.test(`${dialect}: columns and relations may be called like anything in a statement`, async (t) => {
    const resources = {
      Up: { columns: { no: 'serial', ...columns }, relations: { downs: { many: 'Down' } } },
      Down: {
        versioned: true,
        columns: { no: 'serial', ...columns },
        relations: { up: { one: 'Up' }, leaves: { many: 'Leaf' }, ups: { many: 'Up', through: 'up_down' } },
      },
      Leaf: { columns: { no: 'serial', ...columns }, relations: { down: { one: 'Down' } } },
      // The relation is called as the rows of a statement were.
      Named: {
        columns: { no: 'serial' },
        relations: { r: { one: 'Up' }, s: { many: 'Up', through: 'named_s' } },
      },
    }
    const api = await startApi(t, { auth: 'off', resources }, { dialect })
    const row = (number: number) => valued(number)
    const tree = { downs: [valued(2, { leaves: [valued(3), valued(4)] }), valued(5)] }
    t.match(await api.post('/ups', valued(1, tree)), { status: 201, body: valued(1) })
    t.match(await api.post('/ups', [valued(6), valued(7)]), { status: 201, body: [row(6), row(7)] })
    t.match(await api.post('/nameds', { r: { no: 1 }, s: [{ no: 2 }, { no: 3 }] }), {
      status: 201,
      body: { r: row(1), s: [row(6), row(7)] },
    })
    t.match(await api.get('/ups'), { body: [{ ...row(1), downs: [row(2), row(5)] }, row(6), row(7)] })
    t.match(await api.get('/nameds'), { body: [{ r: row(1), s: [row(6), row(7)] }] })
    t.match(await api.get('/ups/1/downs?count=true'), {
      body: [{ ...row(2), leaves: [row(3), row(4)] }, row(5)],
    })
    t.match(await api.get('/leafs/2/down'), { status: 200, body: row(2) })
    for (const [index, name] of COLUMNS.entries()) {
      t.match(
        await api.get(`/downs?${name}.max()&leaves.${name}.null()&sort=-${name},up.${name}&fields=${name}`),
        { status: 200, body: [] },
        name,
      )
      t.match(
        await api.get(`/downs?up.${name}=${100 + index}&sort=up.${name},-${name}&fields=${name},up.${name}`),
        {
          status: 200,
          body: [500 + index, 200 + index].map((value) => ({ [name]: value, up: { [name]: 100 + index } })),
        },
        name,
      )
    }
    t.match(await api.post('/downs/1_1/release', { a: 9 }), {
      status: 201,
      body: { ...row(2), a: 9, version: 2, leaves: [row(3), row(4)] },
    })
    t.match(await api.post('/ups', [valued(8, { no: 1 }), valued(9)]), {
      status: 201,
      body: [row(8), row(9)],
    })
  })
}
