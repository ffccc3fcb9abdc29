import t from 'tap'
import type { Definition } from '../../src/config/definition.js'
import { loadDefinition } from '../../src/config/load.js'
import { definePlugin, type Plugin } from '../../src/plugin.js'

const options = {
  type: 'object',
  properties: {
    password: { type: 'string' },
    retries: { type: 'integer', default: 3 },
    strict: { type: 'boolean' },
    either: { anyOf: [{ type: 'integer' }, { type: 'boolean' }] },
  },
} as const
const bus = definePlugin({ name: 'bus', options, traits: { sent: { options } } })
const loadPlugin = async (): Promise<Plugin> => bus

const env = { PORT: '8123', DIGITS: '007', YES: 'true', WORD: 'word', EMPTY: '', NAME: 'a: {b: 1}' }
const load = (file: string): Promise<Definition> => loadDefinition(file, { loadPlugin, env })

t.test('a scalar that is one variable takes the type that its key expects', async (t) => {
  const dir = t.testdir({
    secret: 'hush\n',
    'biodm.yaml': `
name: "\${NAME}"
version: \${DIGITS}
description: from \${WORD} to \${NOWHERE:-anywhere}, \${EMPTY:-not empty}, $\${WORD}
server: { port: "\${PORT}", require_auth: "\${NO:-false}" }
plugins:
  bus: { password: "\${DIGITS}", retries: "\${N:-7}", strict: "\${YES}", either: "\${YES}" }
resources:
  Note:
    columns:
      level: { type: integer, default: "\${N:-5}" }
      text: { type: string, default: "\${N:-5}" }
      open: { type: boolean, default: "\${YES}", required: "\${YES}" }
    traits:
      bus.sent: { password: "\${file:secret}", retries: "\${N:-8}" }
`,
  })
  const { name, version, description, server, plugins, resources } = await load(`${dir}/biodm.yaml`)
  t.equal(name, 'a: {b: 1}', 'a value never changes the structure')
  t.equal(version, '007')
  t.equal(description, 'from word to anywhere, not empty, ${WORD}')
  t.match(server, { port: 8123, requireAuth: false })
  t.match(plugins[0]?.options, { password: '007', retries: 7, strict: true, either: true })
  const note = resources.find((resource) => resource.name === 'Note')
  t.same(
    note?.columns.map((column) => column.default),
    [null, { kind: 'literal', value: 5 }, { kind: 'literal', value: '5' }, { kind: 'literal', value: true }],
  )
  t.same(note?.traits, [{ name: 'bus.sent', options: { password: 'hush', retries: 8 } }])
})

t.test('a .env beside the file is read first, the real environment wins', async (t) => {
  const dir = t.testdir({
    '.env': 'WORD=from-file\nOTHER=from-file\n',
    'biodm.yaml': 'name: ${WORD} ${OTHER}\n',
  })
  t.equal((await load(`${dir}/biodm.yaml`)).name, 'word from-file')
})

t.test('included files bring resources, with paths of their own', async (t) => {
  const dir = t.testdir({
    'biodm.yaml':
      'include: [resources/*.yaml, "more/**/*.yaml", resources/a.yaml]\nresources: { Zero: {} }\n',
    resources: {
      'a.yaml': 'resources:\n  A: { description: "${file:text}", relations: { b: { one: B } } }\n',
      text: 'here',
      'ignored.yml': 'nonsense',
    },
    more: { deep: { er: { 'b.yaml': 'resources: { B: {} }\n' } } },
  })
  const { resources } = await load(`${dir}/biodm.yaml`)
  t.same(
    resources.map(({ name }) => name),
    ['User', 'Group', 'Zero', 'A', 'B'],
  )
  t.equal(resources.find(({ name }) => name === 'A')?.description, 'here')
})

t.test('faults in included files are shown there', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': 'include: more.yaml\nresources:\n  A: {}\n  C: { relations: { b: { one: Bee } } }\n',
    'more.yaml': 'name: x\nresources:\n  A: {}\n  B:\n    columns: { x: txt }\n',
  })
  const error = await load(`${dir}/biodm.yaml`).catch((cause: unknown) => cause)
  t.match(error, {
    diagnostics: [
      { file: `${dir}/biodm.yaml`, line: 4, column: 31, message: /unknown resource `Bee`/ },
      { file: `${dir}/more.yaml`, line: 1, column: 1, message: /unknown key `name`/ },
      { file: `${dir}/more.yaml`, line: 3, column: 3, message: /declared in another file/ },
      { file: `${dir}/more.yaml`, line: 5, column: 19, message: /unknown column type `txt`/ },
    ],
  })
})

t.test('what the command line says wins over the file', async (t) => {
  const definition = await loadDefinition(
    { server: { host: 'a', port: 1 }, database: { url: 'postgres://a/b' } },
    { loadPlugin, env, overrides: { host: '0.0.0.0', port: 0, database: 'sqlite::memory:' } },
  )
  t.match(definition, {
    server: { host: '0.0.0.0', port: 0 },
    database: { url: 'sqlite::memory:', dialect: 'sqlite' },
  })
})

t.test('a value that came from a variable is not quoted in a fault', async (t) => {
  const config = { plugins: { bus: { retries: '${WORD}' } }, server: { port: '${WORD}' } }
  const error = await loadDefinition(config, { loadPlugin, env }).catch((cause: unknown) => cause)
  t.match(error, { diagnostics: [{ message: /found the value/ }, { message: /found the value/ }] })
  t.notMatch(String(error), /word/)
})

t.test('bounds and defaults of columns take the type of their column', async (t) => {
  const columns = {
    size: { type: 'integer', min: '${LOW}', max: '${HIGH}', default: '${LOW}' },
    price: { type: 'decimal(5,2)', max: '${HIGH}', default: '${LOW}' },
    code: { type: 'string', max: '${HIGH}', default: '${LOW}' },
    born: { type: 'date', min: '${DAY}' },
  }
  const definition = await loadDefinition(
    { resources: { Sample: { columns } } },
    { loadPlugin, env: { LOW: '3', HIGH: '9', DAY: '2000-01-01' } },
  )
  const sample = definition.resources.find(({ name }) => name === 'Sample')
  t.match(sample?.columns.slice(1), [
    { min: 3, max: 9, default: { value: 3 } },
    { max: 9, default: { value: '3' } },
    { length: 9, default: { value: '3' } },
    { min: '2000-01-01' },
  ])
})

t.test('a variable that needs quotes is one fault with a hint', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': 'server: { port: ${PORT}, cors: { origins: [x] } }\nresources:\n  A: {}\n',
  })
  const error = await load(`${dir}/biodm.yaml`).catch((cause: unknown) => cause)
  t.match(error, { diagnostics: [{ line: 1, column: 18, hint: /quote a variable/ }] })
  t.equal((error as { diagnostics: readonly unknown[] }).diagnostics.length, 1)
})
