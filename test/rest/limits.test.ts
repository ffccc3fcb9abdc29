/** Limits of what a client may ask for, each with its one answer, before the database is asked. */
import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = {
  name: 'limits',
  auth: 'off',
  server: { limits: { json_depth: 8, tree_depth: 3, rows: 20 } },
  resources: {
    Node: {
      columns: { name: 'string', size: 'integer', doc: 'json' },
      relations: { up: { one: 'Node' }, parts: { many: 'Node', via: 'up', embed: false } },
    },
  },
}

const times = (count: number, text: (n: number) => string, joint: string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(joint)

/** Query → status, and the code where it is refused. */
const QUERIES: readonly (readonly [title: string, query: string, status: number, code?: string])[] = [
  ['8 kB', `name=${'a'.repeat(8_100)}`, 200],
  ['more than 8 kB', `name=${'a'.repeat(8_300)}`, 414, 'uri_too_long'],
  ['50 terms', times(50, (n) => `size.ne(${n})`, '&'), 200],
  ['51 terms', times(51, (n) => `size.ne(${n})`, '&'), 400, 'invalid_query'],
  ['100 values', `size=${times(100, String, ',')}`, 200],
  ['101 values', `size=${times(101, String, ',')}`, 400, 'invalid_query'],
  [
    '101 values in two parts',
    `size=${times(60, String, ',')}&size=${times(41, String, ',')}`,
    400,
    'invalid_query',
  ],
  ['5 wildcards', 'name=*a*b*c*d*', 200],
  ['5 wildcards in two terms', 'name=*a*b*&up.name=*a*', 200],
  ['6 wildcards in two terms', 'name=*a*b*c*&up.name=*a*', 400, 'invalid_query'],
  ['100 fields', `fields=${times(100, () => 'name', ',')}`, 200],
  ['101 fields', `fields=${times(101, () => 'name', ',')}`, 400, 'invalid_query'],
  ['fields through 4 relations', 'fields=up.up.up.up.name', 200],
  ['fields through 5 relations', 'fields=up.up.up.up.up.name', 400, 'invalid_query'],
  ['a filter through 16 relations', `${times(16, () => 'up', '.')}.name=a`, 200],
  ['a filter through 17 relations', `${times(17, () => 'up', '.')}.name=a`, 400, 'invalid_query'],
  ['a page of 1000', 'start=5&end=1005', 200],
  ['a page of 1001', 'start=5&end=1006', 400, 'invalid_query'],
  [
    'the same inside q',
    `q=${encodeURIComponent(times(51, (n) => `size.ne(${n})`, '&'))}`,
    400,
    'invalid_query',
  ],
]

const nested = (depth: number): object => (depth === 0 ? { name: 'x' } : { name: 'x', up: nested(depth - 1) })
const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)])

const BODIES: readonly (readonly [title: string, body: unknown, status: number, code?: string])[] = [
  ['JSON of depth 8', { doc: deep(7) }, 201],
  ['JSON of depth 9', { doc: deep(8) }, 400, 'malformed_json'],
  ['a tree of depth 3', nested(2), 201],
  ['a tree of depth 4', nested(3), 400, 'invalid_body'],
  ['20 rows', Array.from({ length: 20 }, () => ({ name: 'x' })), 201],
  ['21 rows', Array.from({ length: 21 }, () => ({ name: 'x' })), 400, 'invalid_body'],
  [
    '21 rows in a tree',
    { name: 'x', parts: Array.from({ length: 20 }, () => ({ name: 'x' })) },
    400,
    'invalid_body',
  ],
]

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    for (const [title, query, status, code] of QUERIES) {
      t.test(title, async (t) => {
        const answer = await api.get(`/nodes?${query}`)
        t.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 200))
        if (code !== undefined) t.equal(answer.body.code, code)
      })
    }
    for (const [title, body, status, code] of BODIES) {
      t.test(title, async (t) => {
        const answer = await api.post('/nodes', body)
        t.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 200))
        if (code !== undefined) t.equal(answer.body.code, code)
      })
    }
  })
}
