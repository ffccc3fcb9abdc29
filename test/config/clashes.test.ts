import t from 'tap'
import { ConfigError } from '../../src/config/diagnostics.js'
import { loadDefinition } from '../../src/config/load.js'
import { definePlugin, type Plugin } from '../../src/plugin.js'

const run = () => ({ status: 200 })
const noise = definePlugin({
  name: 'noise',
  routes: [
    { method: 'GET', path: '/noise/:a', run },
    { method: 'GET', path: '/noise/:b', run },
    { method: 'GET', path: '/metrics/more', run },
  ],
  resources: { Echo: { columns: { text: 'text' } } },
  traits: {
    loud: { routes: [{ method: 'GET', path: '/:id/volume', verb: 'read', run }] },
    louder: {
      routes: [
        { method: 'GET', path: '/:id/volume', verb: 'read', run },
        { method: 'POST', path: '/:id/release', verb: 'update', run },
      ],
    },
    broken: {
      validate: () => {
        throw new Error('oops')
      },
    },
    quiet: { lowercase: ['word', 'size', 'none'] },
    vague: { validate: () => 'no' as unknown as string[] },
    wrong: {
      columns: { x: 'txt' },
      relations: { y: { one: 'Nobody' } },
      hooks: { write: { prefix: ['noise.none'] } },
    },
  },
})
const malformed = {
  name: 'malformed',
  options: { type: 'strng' },
  hooks: { a: { stage: 'fix', run }, b: { stage: 'prefix' } },
  jobs: { c: 1 },
  tasks: { d: { every: 0, run } },
  routes: [{ method: 'get', path: 'x' }],
  resources: { E: { colums: {} } },
  traits: { f: { columns: { g: 1 }, verbs: 'x', routes: [{ method: 'GET', path: '/x', run }] } },
} as unknown as Plugin

const PLUGINS: Readonly<Record<string, Plugin>> = { noise, malformed, twin: { name: 'noise' } }

async function faultsOf(source: Record<string, unknown>): Promise<readonly string[]> {
  const loadPlugin = async (specifier: string): Promise<Plugin> => {
    const plugin = PLUGINS[specifier]
    if (plugin === undefined) throw new Error('not found')
    return plugin
  }
  try {
    await loadDefinition(source, { loadPlugin, env: {} })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.diagnostics.map(({ message }) => message)
  }
}

const CASES: readonly (readonly [
  title: string,
  source: Record<string, unknown>,
  faults: readonly RegExp[],
])[] = [
  [
    'routes of plugins clash with each other and with the server',
    { plugins: { noise: {} } },
    [
      /GET \/noise\/:b is a route of the plugin `noise` already/,
      /GET \/metrics\/more is a route of the server already/,
    ],
  ],
  [
    'a resource lies on a path of a plugin',
    { plugins: { noise: {} }, resources: { Loud: { path: 'noise' } } },
    [/noise\/:b/, /metrics\/more/, /\/noise is a route of the plugin/],
  ],
  [
    'paths with and without a leading slash are the same',
    { resources: { A: { path: '/same' }, B: { path: 'same' }, C: { path: '/metrics' } } },
    [/\/same is the path of `A` already/, /\/metrics is a route of the server already/],
  ],
  [
    'traits clash with relations, with each other and with every resource',
    {
      plugins: { noise: {} },
      resources: { A: { traits: ['noise.loud', 'noise.louder'], relations: { volume: { one: 'A' } } } },
    },
    [
      /noise\/:b/,
      /metrics\/more/,
      /volume is a route of trait `noise.loud` already/,
      /release is a route of every resource/,
      /`noise.loud` has a route .* the relation needs another name/,
      /`noise.louder` has a route .* the relation needs another name/,
    ],
  ],
  [
    'a trait is wrong in itself',
    { plugins: { noise: {} }, resources: { A: { traits: ['noise.broken', 'noise.vague', 'noise.wrong'] } } },
    [
      /noise\/:b/,
      /metrics\/more/,
      /`validate` failed: oops/,
      /did not return a list/,
      /trait noise.wrong: unknown column type `txt`/,
      /unknown resource `Nobody`/,
      /unknown hook `noise.none`/,
    ],
  ],
  [
    'a trait keeps in lower case what is no text',
    {
      plugins: { noise: {} },
      resources: { A: { traits: ['noise.quiet'], columns: { word: 'text', size: 'integer' } } },
    },
    [
      /noise\/:b/,
      /metrics\/more/,
      /trait noise.quiet: `A` has no text column `size`/,
      /trait noise.quiet: `A` has no text column `none`/,
    ],
  ],
  [
    'a plugin is loaded twice, and a resource of a plugin is declared again',
    { plugins: { noise: {}, twin: {} }, resources: { Echo: {} } },
    [/noise\/:b/, /metrics\/more/, /is a plugin of the name `noise` already/, /brings a resource `Echo` too/],
  ],
  [
    'a plugin takes no options',
    { plugins: { noise: { volume: 11 } } },
    [/noise\/:b/, /metrics\/more/, /unknown key `volume`/],
  ],
  [
    'a plugin is malformed: nothing that it would bring is reported as missing',
    {
      plugins: { malformed: {} },
      resources: { A: { traits: ['malformed.f'], hooks: { write: { prefix: ['malformed.b'] } } } },
    },
    [
      /options is not a JSON Schema/,
      /hooks.a: must have a `stage`/,
      /hooks.b: must have a function/,
      /jobs.c: must be a function/,
      /tasks.d/,
      /routes.0: the method/,
      /routes.0: the path/,
      /routes.0: must have a function/,
      /resources.E: colums: unknown key `colums`/,
      /traits.f: columns.g/,
      /traits.f: verbs must be a list/,
      /traits.f: routes.0: the path/,
      /traits.f: routes.0: must name a `verb`/,
    ],
  ],
  [
    'names are too long for PostgreSQL',
    {
      auth: 'off',
      resources: {
        A: {
          table: 'a'.repeat(50),
          relations: { bs: { many: 'B' } },
          permissions: { bs: { verbs: ['read'] } },
        },
        B: { relations: { a: { one: 'A' }, ['r'.repeat(61)]: { one: 'A' } } },
        C: { versioned: true, table: 'c'.repeat(60) },
      },
    },
    [
      /ambiguous inverse/,
      /longer than 46 characters/,
      /column name `r+_id` is longer than 63/,
      /longer than 50 characters/,
    ],
  ],
  [
    'both sides of an association would have the same columns',
    { resources: { Person: { relations: { person: { many: 'Person', through: 'friends' } } } } },
    [/both sides of the association/],
  ],
  [
    'a natural key cannot be cloned, also below the resource itself',
    {
      resources: {
        Doc: {
          versioned: true,
          columns: { code: { type: 'string', primary: true } },
          relations: { parent: { one: 'Doc' }, children: { many: 'Doc', via: 'parent' } },
        },
      },
    },
    [/the key \(code, version\) would be violated/],
  ],
]

for (const [title, source, expected] of CASES) {
  t.test(title, async (t) => {
    const faults = await faultsOf(source)
    for (const fault of expected)
      t.ok(
        faults.some((said) => fault.test(said)),
        `${fault} in\n${faults.join('\n')}`,
      )
    t.equal(faults.length, expected.length, faults.join('\n'))
  })
}

t.test('an object that is no configuration is refused, whatever it holds', async (t) => {
  const loop: Record<string, unknown> = {}
  loop['resources'] = loop
  for (const source of [
    loop,
    { name: () => 1 },
    { name: Symbol('x') },
    { name: 1n },
    { resources: { A: new Map() } },
    { name: new Date() },
  ]) {
    const error = await loadDefinition(source as Record<string, unknown>, {
      loadPlugin: async () => noise,
      env: {},
    }).catch((cause: unknown) => cause)
    t.ok(error instanceof ConfigError || (error as { name?: unknown }).name !== undefined)
    if (error instanceof Error) t.type(error, ConfigError)
  }
})
