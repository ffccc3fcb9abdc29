import '../../helpers/seed.js'
import type { TraitTarget } from 'biodm'
import fc from 'fast-check'
import t from 'tap'
import {
  KEY_BYTES,
  parseTemplate,
  partSizeOf,
  renderKey,
  SEGMENT_BYTES,
  templateProblems,
} from '../../../plugins/s3/keys.js'

const MB = 1024 ** 2
const GB = 1024 ** 3

const dataset: TraitTarget = {
  name: 'Dataset',
  versioned: true,
  columns: ['id', 'version', 'name', 'project_id'],
  primaryKey: ['id', 'version'],
  toOne: {},
  resource: () => undefined,
}
const file: TraitTarget = {
  name: 'File',
  versioned: false,
  columns: ['id', 'filename', 'extension', 'key_salt', 'dataset_id'],
  primaryKey: ['id'],
  toOne: { dataset: 'Dataset' },
  resource: (name) => (name === 'Dataset' ? dataset : undefined),
}

t.test('a key is rendered from its template', async (t) => {
  const cases: [title: string, template: string, values: Record<string, unknown>, key: string][] = [
    [
      'the default',
      '{key_salt}_{filename}{version}.{extension}',
      { key_salt: 's', filename: 'a', version: '_v3', extension: 'txt' },
      's_a_v3.txt',
    ],
    ['relations', '{dataset.name}/{id}', { 'dataset.name': 'run 7', id: 4 }, 'run 7/4'],
    ['a slash in a value adds no segment', '{dataset.name}/{id}', { 'dataset.name': 'a/b', id: 4 }, 'a_b/4'],
    ['a value cannot climb', '{dataset.name}/{id}', { 'dataset.name': '..', id: 4 }, '__/4'],
    ['an empty value leaves no empty segment', '{dataset.name}/{id}', { 'dataset.name': null, id: 4 }, '_/4'],
    [
      'what policies interpret is replaced',
      '{id}_{filename}',
      { id: 1, filename: '${filename}' },
      '1___filename_',
    ],
    [
      'nobody writes into the place of pending uploads',
      '{dataset.name}/{id}',
      { 'dataset.name': '_pending', id: 4 },
      '__pending/4',
    ],
    [
      'controls, quotes and backslashes are replaced',
      '{id}{filename}',
      { id: 1, filename: 'a"\\\n\u0007b' },
      '1a____b',
    ],
    ['other characters stay', '{id} {filename}', { id: 1, filename: 'é +%?#&<>ü😀' }, '1 é +%?#&<>ü😀'],
  ]
  for (const [title, template, values, key] of cases)
    t.equal(renderKey(parseTemplate(template), values, ''), key, title)
  t.equal(renderKey(parseTemplate('{id}'), { id: 1 }, 'omics/'), 'omics/1', 'the prefix comes first')
})

t.test('a long segment loses characters, never salt, version or extension', async (t) => {
  const pieces = parseTemplate('{key_salt}_{filename}{version}.{extension}')
  const salt = 'b7f3f7c0-0000-4000-8000-000000000000'
  const key = renderKey(
    pieces,
    { key_salt: salt, filename: '👩‍🔬'.repeat(300), version: '_v12', extension: 'fastq.gz' },
    '',
  )
  t.ok(Buffer.byteLength(key) <= SEGMENT_BYTES)
  t.ok(key.startsWith(`${salt}_👩‍🔬`))
  t.ok(key.endsWith('👩‍🔬_v12.fastq.gz'), 'cut between characters')
  const [one, other] = ['a', 'b'].map((end) =>
    renderKey(
      parseTemplate('{id}{filename}{version}.{extension}'),
      { id: `${'é'.repeat(200)}${end}`, filename: 'f'.repeat(300), version: '_v1', extension: 'txt' },
      '',
      ['id', 'version'],
    ),
  )
  t.match(one, /^é{112,}-[0-9a-f]{12}_v1\.txt$/, 'a primary key last')
  t.ok(Buffer.byteLength(one ?? '') <= SEGMENT_BYTES)
  t.not(one, other, 'and it stays distinct')
  t.throws(
    () => renderKey(parseTemplate(`${'x'.repeat(256)}{id}`), { id: 1 }, '', ['id']),
    RangeError,
    'what the template itself says is not shortened',
  )
  t.throws(
    () =>
      renderKey(
        parseTemplate('{a}/{b}/{c}/{d}/{key_salt}'),
        Object.fromEntries('abcd'.split('').map((n) => [n, n.repeat(250)])),
        '',
      ),
    RangeError,
    `over ${KEY_BYTES} bytes`,
  )
})

t.test('distinct primary keys have distinct keys, whatever cleaning does', async (t) => {
  const keyOf = (id: string) => renderKey(parseTemplate('{id}'), { id }, '', ['id'])
  t.not(keyOf('a/b'), keyOf('a_b'))
  t.not(keyOf('a/b'), keyOf('a\\b'))
})

t.test('no value breaks out of its place', async () => {
  const pieces = parseTemplate('{a}/x{b}/{key_salt}_{c}.{extension}')
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom('..', '.', '', '/', '../..', '_pending', '${filename}', '\u0000', 'é'.repeat(300)),
  )
  fc.assert(
    fc.property(text, text, text, fc.string({ maxLength: 10 }), (a, b, c, extension) => {
      const values = { a, b, c, extension, key_salt: 'b7f3f7c0-0000-4000-8000-000000000000' }
      const key = renderKey(pieces, values, '')
      const segments = key.split('/')
      return (
        segments.length === 3 &&
        segments.every((s) => s !== '' && s !== '.' && s !== '..' && Buffer.byteLength(s) <= SEGMENT_BYTES) &&
        segments[0] !== '_pending' &&
        !/[\p{Cc}"\\${}]/u.test(key) &&
        Buffer.from(key).toString() === key &&
        key.includes('b7f3f7c0-0000-4000-8000-000000000000')
      )
    }),
    { numRuns: 2000 },
  )
})

t.test('a wrong template is told at start-up', async (t) => {
  const cases: [template: string, message: RegExp][] = [
    ['{filename', /"\{" without/],
    ['filename}{id}', /"\}" without/],
    ['{file name}{id}', /malformed placeholder/],
    ['{filename}', /must hold \{key_salt\} or \{id\}/],
    ['{id}_{dataste.name}', /no to-one relation "dataste".*dataset/],
    ['{id}_{dataset.nam}', /no column "nam".*name/],
    ['{id}_{dataset.project.name}', /no to-one relation "project" \(it has: none\)/],
    ['/{id}', /empty, "\." or ".." segments/],
    ['../{id}', /segments/],
    ['a//{id}', /segments/],
    ['${id}', /may not hold/],
    ['_pending/{id}', /may not start with/],
    [`${'é'.repeat(128)}/{id}`, /more than 255 bytes/],
  ]
  for (const [template, message] of cases)
    t.match(templateProblems(template, file).join('; '), message, template)
  t.same(templateProblems('{dataset.name}/{id}_{filename}{version}.{extension}', file), [])
  t.match(templateProblems('{id}_{name}', dataset).join(), /must hold \{key_salt\} or \{id\}\{version\}/)
  t.same(templateProblems('{id}{version}_{name}', dataset), [])
})

t.test('files are cut into parts that S3 takes', async (t) => {
  const multipart = { threshold: 100 * MB, partSize: 100 * MB, always: false }
  const cases: [size: number, partSize: number | null][] = [
    [0, null],
    [100 * MB, null],
    [100 * MB + 1, 100 * MB],
    [10_000 * 100 * MB, 100 * MB],
    [10_000 * 100 * MB + 1, 101 * MB],
    [5 * 1024 * GB, 525 * MB],
  ]
  for (const [size, partSize] of cases) t.equal(partSizeOf(size, multipart), partSize, String(size))
  t.equal(partSizeOf(1, { ...multipart, always: true }), 100 * MB)
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 5 * MB, max: 5 * GB }), (size, partSize) => {
      const chosen = partSizeOf(size, { threshold: 0, partSize, always: true }) ?? 0
      return chosen >= partSize && Math.ceil(size / chosen) <= 10_000
    }),
  )
})
