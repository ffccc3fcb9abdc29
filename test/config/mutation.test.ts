import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { ConfigError } from '../../src/config/diagnostics.js'
import { loadDefinition } from '../../src/config/load.js'
import { definePlugin, type Plugin } from '../../src/plugin.js'

const audit = definePlugin({
  name: 'audit',
  options: { type: 'object', properties: { channel: { type: 'string' }, level: { type: 'integer' } } },
  hooks: { stamp: { stage: 'prefix', run: () => undefined } },
  traits: {
    tracked: {
      options: { type: 'object', properties: { level: { type: 'integer' } } },
      columns: { reviewed: 'boolean' },
      relations: { reviewer: { one: 'User' } },
      hooks: { write: { prefix: ['audit.stamp'] } },
      validate: (resource) => (resource.primaryKey.length > 2 ? ['too many keys'] : []),
    },
  },
  authenticate: () => null,
})

async function loadPlugin(specifier: string): Promise<Plugin> {
  if (specifier !== 'audit') throw new Error(`plugin \`${specifier}\` not found`)
  return audit
}

/** A valid configuration that uses every key there is. */
const VALID = {
  name: 'omics',
  version: '1.0.0',
  server: {
    port: 8000,
    timeout: '30s',
    base_path: '/lab',
    cors: { origins: ['https://a.example.org'] },
    limits: { terms: 3 },
  },
  database: { url: 'sqlite::memory:', migrate: 'auto', pool: { max: 4 } },
  history: { reads: true },
  plugins: { audit: { channel: 'ops' } },
  resources: {
    Project: {
      columns: { id: 'serial', name: 'string(50)!' },
      relations: { datasets: { many: 'Dataset' } },
      permissions: {
        datasets: { verbs: ['read', 'write'], propagate: ['files'] },
        self: { verbs: ['read'] },
      },
    },
    Dataset: {
      versioned: true,
      columns: {
        name: 'string(50)!',
        status: { type: 'enum', values: ['draft', 'final'], default: 'draft' },
        code: { type: 'string', pattern: '^[a-z]+$', max: 10, min: 2 },
        price: 'decimal(10,2)',
        day: { type: 'date', default: 'now' },
      },
      relations: {
        project: { one: 'Project', required: true, on_delete: 'cascade' },
        contact: { one: 'User', column: 'contact_username' },
        tags: { many: 'Tag', through: 'dataset_tag' },
        files: { many: 'File', via: 'dataset' },
        cover: { one: 'Cover', via: 'dataset' },
      },
      unique: [['name', 'project']],
      access: { create: ['genomics'], delete: 'admin', release: ['genomics__owners'] },
      hooks: { write: { prefix: ['audit.stamp', { use: 'audit.stamp', with: { level: 2 } }] } },
      traits: { 'audit.tracked': { level: 3 } },
    },
    File: {
      columns: { filename: 'string!' },
      relations: { dataset: { one: 'Dataset' } },
      unique: [['filename', 'dataset']],
    },
    Cover: { relations: { dataset: { one: 'Dataset', unique: true } } },
    Tag: { columns: { name: { type: 'string', primary: true } }, traits: ['audit.tracked'] },
  },
}

const load = (source: string | Record<string, unknown>) => loadDefinition(source, { loadPlugin, env: {} })

/** `Definition` or `ConfigError`: what else comes out is a bug. */
async function outcome(source: string | Record<string, unknown>): Promise<'definition' | 'refused'> {
  try {
    const definition = await load(source)
    JSON.stringify(definition.resources)
    return 'definition'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (error.diagnostics.length === 0 || error.format() === '') throw new Error('a refusal without a reason')
    return 'refused'
  }
}

/** All places in a value, as lists of keys. */
function places(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...at]]
  return [[...at], ...Object.entries(value).flatMap(([key, part]) => places(part, [...at, key]))]
}

function changed(value: unknown, at: readonly string[], change: (part: unknown) => unknown): unknown {
  const [head, ...rest] = at
  if (head === undefined) return change(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return value.map((part, i) => (String(i) === head ? changed(part, rest, change) : part))
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.flatMap(([key, part]) => {
      if (key !== head) return [[key, part]]
      const next = changed(part, rest, change)
      return next === GONE ? [] : [[key, next]]
    }),
  )
}

const GONE = Symbol('gone')

const words = fc.constantFrom(
  'Dataset',
  'Project',
  'project',
  'name',
  'id',
  'version',
  'one',
  'many',
  'string(0)',
  'serial!',
  'decimal(2,9)',
  'audit.stamp',
  'audit.tracked',
  'self',
  'datasets.files',
  '__proto__',
  'constructor',
  'toString',
  '${X}',
  '${',
  '',
  '(a+)+',
  '[',
  'now',
  'user',
)

const junk = fc.oneof(
  words,
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, 2 ** 53, GONE, [], {}, [[]], [null], [{}]),
  fc.integer(),
  fc.string({ maxLength: 12 }),
  fc.array(words, { maxLength: 3 }),
  fc.dictionary(words, fc.oneof(words, fc.constant(null), fc.boolean()), { maxKeys: 3 }),
)

t.equal(await outcome(VALID), 'definition', 'the unchanged configuration is valid')

t.test('any part may be left empty, as YAML writes `hooks:`', async (t) => {
  for (const place of places(VALID).filter((at) => at.length > 0)) {
    t.ok(await outcome(changed(VALID, place, () => null) as Record<string, unknown>), place.join('.'))
  }
})

t.test('any change of a valid configuration gives a definition or a list of faults', async (t) => {
  const seen = { definition: 0, refused: 0 }
  const where = fc.constantFrom(...places(VALID).filter((place) => place.length > 0))
  const mutations = fc.array(fc.tuple(where, junk), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(mutations, async (list) => {
      let config: unknown = VALID
      for (const [at, value] of list) config = changed(config, at, () => value)
      seen[await outcome(config as Record<string, unknown>)] += 1
    }),
    { numRuns: 250 },
  )
  t.ok(seen.definition > 0 && seen.refused > 0)
})

t.test('so does any renaming of a key', async (t) => {
  const where = fc.constantFrom(...places(VALID).filter((place) => place.length > 0))
  await fc.assert(
    fc.asyncProperty(where, words, async (at, name) => {
      const [last = '', ...before] = [...at].reverse()
      const config = changed(VALID, before.reverse(), (part) => {
        if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
        return Object.fromEntries(
          Object.entries(part).map(([key, value]) => [key === last ? name : key, value]),
        )
      })
      await outcome(config as Record<string, unknown>)
    }),
    { numRuns: 100 },
  )
  t.pass()
})

t.test('and any damage to its text', async (t) => {
  const text = stringify(VALID)
  const dir = t.testdir()
  const { writeFileSync } = await import('node:fs')
  const piece = fc.oneof(
    fc.string({ maxLength: 5, unit: 'grapheme' }),
    fc.constantFrom('\t', '\n', ': ', '- ', '{', ']', '"', '&a ', '*a', '!x ', '\u0000', '#', '? '),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length), fc.nat(20), piece, async (at, cut, put) => {
      writeFileSync(`${dir}/biodm.yaml`, text.slice(0, at) + put + text.slice(at + cut))
      await outcome(`${dir}/biodm.yaml`)
    }),
    { numRuns: 150 },
  )
  t.pass()
})

t.test('hostile documents are refused without harm', async (t) => {
  const dir = t.testdir({
    'bomb.yaml': `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefghi'[i]}`).join()}]`).join('\n')}\n`,
    'deep.yaml': `resources: ${'['.repeat(20_000)}`,
    'deeper.yaml': `resources: ${'{a: '.repeat(5000)}x${'}'.repeat(5000)}`,
    'binary.yaml': Buffer.from([0xff, 0xfe, 0x00, 0x41]),
    'empty.yaml': '',
    'two.yaml': 'name: a\n---\nname: b\n',
    folder: {},
  })
  const cases: [file: string, expected: 'definition' | 'refused'][] = [
    ['bomb.yaml', 'refused'],
    ['deep.yaml', 'refused'],
    ['deeper.yaml', 'refused'],
    ['binary.yaml', 'refused'],
    ['two.yaml', 'refused'],
    ['folder', 'refused'],
    ['missing.yaml', 'refused'],
    ['empty.yaml', 'definition'],
  ]
  for (const [file, expected] of cases) t.equal(await outcome(`${dir}/${file}`), expected, file)
})
