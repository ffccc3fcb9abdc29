import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const WORLD = {
  name: 'versions',
  resources: { Dataset: { versioned: true, columns: { name: 'string(50)!' } } },
}

/** New versions arise only by release; version 1 of a new entity is the one exception. */
const REQUESTS: readonly (readonly [title: string, body: unknown, status: number, code: string | null])[] = [
  ['neither id nor version', { name: 'a' }, 201, null],
  ['a new id', { id: 40, name: 'a' }, 201, null],
  ['a new id and version 1', { id: 41, version: 1, name: 'a' }, 201, null],
  ['version 1 alone', { version: 1, name: 'a' }, 201, null],
  ['version 2 alone', { version: 2, name: 'a' }, 400, 'invalid_body'],
  ['a new id and version 2', { id: 42, version: 2, name: 'a' }, 400, 'invalid_body'],
  ['an existing id and the next version', { id: 1, version: 2, name: 'a' }, 400, 'invalid_body'],
  ['an existing id and version 0', { id: 1, version: 0, name: 'a' }, 400, 'invalid_body'],
  ['an existing id without a version', { id: 1, name: 'b' }, 409, 'unique_violation'],
  [
    'one new entity twice, without a version',
    [
      { id: 40, name: 'a' },
      { id: 40, name: 'a' },
    ],
    201,
    null,
  ],
  [
    'one new entity twice, with and without a version',
    [
      { id: 40, version: 1, name: 'a' },
      { id: 40, name: 'a' },
    ],
    201,
    null,
  ],
  [
    'one new entity twice, contradicting',
    [
      { id: 40, name: 'a' },
      { id: 40, version: 1, name: 'b' },
    ],
    400,
    'invalid_body',
  ],
  [
    'an existing row with and without its version',
    [
      { id: 1, version: 1, name: 'a' },
      { id: 1, name: 'a' },
    ],
    409,
    'unique_violation',
  ],
  ['an existing row', { id: 1, version: 1, name: 'b' }, 201, null],
]

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    for (const [title, body, status, code] of REQUESTS) {
      t.test(title, async (t) => {
        const api = await startApi(t, WORLD, { dialect })
        await api.post('/datasets', { name: 'first' })
        const answer = await api.post('/datasets', body)
        t.equal(answer.status, status, JSON.stringify(answer.body))
        if (code !== null) t.equal(answer.body.code, code)
      })
    }
  })
}
