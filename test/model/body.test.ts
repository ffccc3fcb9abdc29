import t from 'tap'
import type { Resource } from '../../src/model/model.js'
import { modelOf } from '../helpers/models.js'

const model = await modelOf(`
auth: off
resources:
  Thing:
    columns:
      code: { type: string, primary: true }
      name: string(3)!
      note: { type: string(4), pattern: "^[a-z]+$" }
      small: { type: integer, min: 1, max: 9 }
      big: bigint
      real: number
      price: "decimal(5,2)"
      bounded: { type: "decimal(5,2)", min: "0.5", max: "10" }
      label: { type: string(9), min: 3 }
      yes: boolean
      day: date
      moment: datetime
      ref: uuid
      any: json
      state: { type: enum, values: [a, b] }
      made: { type: datetime, readonly: true, default: now }
      salt: { type: uuid, readonly: true, hidden: true, default: uuid }
    relations:
      parts: { many: Part }
    permissions:
      parts: { verbs: [read, write] }
  Part:
    columns: { name: string! }
    relations:
      thing: { one: Thing }
`)
const thing = model.resource('Thing')

/** `pointer message` of each problem. */
function problems(resource: Resource, data: unknown): string[] {
  const { object } = resource.body
  if (object(data)) return []
  return (object.errors ?? []).map((error) => {
    const extra = error.params['additionalProperty']
    return `${error.instancePath}${extra === undefined ? '' : `/${extra}`} ${error.message}`
  })
}

const accepted: [column: string, values: unknown[]][] = [
  ['code', ['a', '_', 'schemas', '...']],
  ['name', ['', 'abc', '💾💾💾']],
  ['note', ['abc', null]],
  ['small', [1, 9, 2.0]],
  ['big', [2 ** 53 - 1, -(2 ** 53 - 1), null]],
  ['real', [0.1, -1e300, 5]],
  ['price', ['1', '-999.99', '0.5', '000.10']],
  ['bounded', ['0.5', '10.00', '0.50']],
  ['yes', [true, false]],
  ['day', ['2024-02-29', '0001-01-01', '9999-12-31']],
  ['moment', ['2024-02-29T23:59:59Z', '2024-01-01T00:00:00.123456789+05:30', '2024-01-01t10:00z']],
  ['ref', ['123E4567-e89b-12d3-a456-426614174000']],
  ['any', [null, 1, 'x', [1, { a: null }]]],
  ['state', ['a', null]],
  ['parts', [[], [{ name: 'x' }]]],
  ['perm_parts', [null, { read: { groups: [{ path: 'a' }] } }, { write: null }]],
]

const refused: [column: string, values: unknown[], message: string][] = [
  ['code', [''], 'must not be empty'],
  ['code', ['schema', '.', '..'], 'cannot be a key: it means something else in a path'],
  ['code', [null], 'must be a string'],
  ['name', ['abcd', '💾💾💾💾'], 'must be at most 3 characters long'],
  ['name', [5, null, ['a']], 'must be a string'],
  ['note', ['ABC', ''], 'must match the pattern ^[a-z]+$'],
  ['note', ['abcdefghijk!'], 'must be at most 4 characters long'],
  ['label', ['ab', '💾💾'], 'must be at least 3 characters long'],
  ['small', [0], 'must be at least 1'],
  ['small', [10, 2 ** 31], 'must be at most 9'],
  ['small', ['1', true, 1.5, Number.NaN], 'must be an integer or null'],
  ['big', [2 ** 53], 'must be at most 9007199254740991'],
  ['real', ['1', Number.POSITIVE_INFINITY], 'must be a number or null'],
  ['price', [1], 'must be a string or null'],
  [
    'price',
    ['1000', '1.234', '1.', '.5', '+1', '1e2', 'NaN', ' 1', ''],
    'must be a decimal number as text with at most 5 digits, 2 of them after the point, for instance "1.00"',
  ],
  ['bounded', ['0.49', '10.01', '-3'], 'must be at least 0.5 and at most 10'],
  ['yes', [0, 1, 'true'], 'must be a boolean or null'],
  [
    'day',
    ['2023-02-29', '2024-13-01', '2024-1-1', '0000-01-01', '2024-01-01T00:00:00Z'],
    'must be a real date, written YYYY-MM-DD',
  ],
  [
    'moment',
    [
      '2024-01-01',
      '2024-01-01T10:00:00',
      '2024-01-01T24:00:00Z',
      '2024-01-01T10:00:60Z',
      '2024-02-30T10:00:00Z',
      '0001-01-01T00:00:00+14:00',
      '9999-12-31T23:59:59-01:00',
      '2024-01-01 10:00:00Z',
    ],
    'must be a real date and time with an offset, for instance 2024-05-31T12:00:00Z',
  ],
  ['ref', ['123e4567e89b12d3a456426614174000', 'x'], 'must be a UUID, written with hyphens'],
  ['state', ['c', ''], 'must be one of a, b'],
  ['made', ['2024-01-01T00:00:00Z'], 'is read-only'],
  ['salt', ['x'], 'is no field of Thing'],
  ['nothing', [1], 'is no field of Thing'],
  ['__proto__', [{}], 'is no field of Thing'],
  ['toString', [1], 'is no field of Thing'],
  ['perm_parts', [5], 'must be an object or null'],
]

t.test('every type accepts its values', async (t) => {
  for (const [column, values] of accepted) {
    for (const value of values)
      t.same(problems(thing, { [column]: value }), [], `${column}: ${JSON.stringify(value)}`)
  }
})

t.test('what does not fit is refused with a message that helps', async (t) => {
  for (const [column, values, message] of refused) {
    for (const value of values) {
      const data = Object.fromEntries([[column, value]])
      t.same(problems(thing, data), [`/${column} ${message}`], `${column}: ${JSON.stringify(value)}`)
    }
  }
})

t.test('all problems of an object are told at once', async (t) => {
  t.equal(problems(thing, { name: 5, small: 0, ref: 'x', what: 1 }).length, 4)
})

t.test('a list of groups takes paths and an id, nothing else', async (t) => {
  const wrong = [
    { update: null },
    { read: { groups: [{ name: 'a' }] } },
    { read: { groups: 'a' } },
    { read: { id: '1' } },
  ]
  for (const perm_parts of wrong) t.not(problems(thing, { perm_parts }).length, 0)
})

t.test('what a client must give to create a row is known', async (t) => {
  t.same(thing.body.required, ['code', 'name'])
})
