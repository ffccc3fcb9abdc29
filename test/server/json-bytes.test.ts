import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import { parseJson } from '../../src/server/json-bytes.js'

const parse = (text: string | Buffer): unknown => parseJson(Buffer.from(text as string), 32)

t.test('valid JSON is parsed as JSON.parse does', async (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 2 }), (text, indent) => {
      const value = JSON.parse(text)
      const formatted = JSON.stringify(value, null, indent)
      t.same(parse(formatted), JSON.parse(formatted))
    }),
    { numRuns: 300 },
  )
})

t.test('nothing but white space is no value', async (t) => {
  for (const text of ['', ' ', '\n\t ']) t.equal(parse(text), undefined)
})

const REFUSED: readonly (readonly [title: string, text: string | Buffer, detail: RegExp])[] = [
  ['a repeated key', '{"a":1,"b":{"c":1},"a":2}', /"a" occurs twice/],
  ['a repeated key that is escaped differently', '{"a":1,"\\u0061":2}', /occurs twice/],
  ['a repeated key deep in an array', '[1,{"x":[{"k":1},{"k":1,"k":2}]}]', /"k" occurs twice/],
  ['a repeated __proto__', '{"__proto__":1,"__proto__":2}', /"__proto__" occurs twice/],
  ['an escaped NUL', '{"a":"x\\u0000"}', /U\+0000/],
  ['an escaped NUL in a key', '{"\\u0000":1}', /U\+0000/],
  ['half of a surrogate pair', '"\\ud800"', /surrogate/],
  ['the second half alone', '"\\udc00"', /surrogate/],
  ['two first halves', '"\\ud800\\ud800"', /surrogate/],
  ['a surrogate written as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /UTF-8/],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
  ['an overlong form', Buffer.from([0x22, 0xc0, 0x80, 0x22]), /UTF-8/],
  ['nesting', '['.repeat(33) + ']'.repeat(33), /nested more than 32/],
  ['endless nesting', '['.repeat(1_000_000), /nested/],
  ['a number beyond the doubles', '[1e400]', /out of range/],
  ['a number that would vanish', '[1e-400]', /out of range/],
  ['a whole number that a double rounds', '9007199254740993', /more digits/],
  ['a long whole number', '123456789012345678901234567890', /more digits/],
  ['a rounded one with an exponent', '9.007199254740993e15', /more digits/],
  ['text behind the value', '{} {}', /cannot be taken as JSON/],
  ['an unfinished string', '"abc', /cannot be taken as JSON/],
  ['a trailing comma', '[1,]', /cannot be taken as JSON/],
  ['a byte order mark', '\ufeff{}', /cannot be taken as JSON/],
  ['a raw control character', '"a\u0001b"', /cannot be taken as JSON/],
]

for (const [title, text, detail] of REFUSED) {
  t.test(`${title} is refused`, async (t) => {
    t.throws(() => parse(text), { code: 'malformed_json', message: detail })
  })
}

const KEPT: readonly (readonly [text: string, value: unknown])[] = [
  ['"\\ud83d\\ude00"', '😀'],
  ['"\\\\u0000"', '\\u0000'],
  ['{"a\\"b":1,"a":2}', { 'a"b': 1, a: 2 }],
  ['[{"k":1},{"k":2}]', [{ k: 1 }, { k: 2 }]],
  ['9007199254740991', 9007199254740991],
  ['-9007199254740992', -9007199254740992],
  ['0.1234567890123456789', 0.12345678901234568],
  ['1e20', 1e20],
  ['-0.0', -0],
  ['0.000000000000000000001', 1e-21],
]

for (const [text, value] of KEPT) {
  t.test(`${text} is kept`, async (t) => {
    t.same(parse(text), value)
  })
}

t.test('a key named __proto__ stays an own key', async (t) => {
  const value = parse('{"__proto__":{"admin":true}}')
  t.same(Object.keys(value as object), ['__proto__'])
  t.equal(({} as { admin?: boolean }).admin, undefined)
})

t.test('ten megabytes take less than a second', async (t) => {
  const rows = Array.from({ length: 60_000 }, (_, id) => ({
    id,
    name: `row ${id}`,
    size: id * 1.5,
    tags: ['a', 'b'],
    text: 'é'.repeat(40),
  }))
  const text = JSON.stringify(rows)
  const started = performance.now()
  t.equal((parse(text) as unknown[]).length, rows.length)
  t.ok(performance.now() - started < 1_000)
})
