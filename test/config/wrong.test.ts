import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ConfigError, type Diagnostic } from '../../src/config/diagnostics.js'
import { loadDefinition } from '../../src/config/load.js'
import { definePlugin, type Plugin } from '../../src/plugin.js'

const stamp = { stage: 'prefix', run: () => undefined } as const
const announce = { stage: 'postfix', run: () => undefined } as const

const PLUGINS: Readonly<Record<string, Plugin>> = {
  audit: definePlugin({
    name: 'audit',
    options: { type: 'object', properties: { channel: { type: 'string' } }, required: ['channel'] },
    hooks: { stamp, announce },
    traits: {
      tracked: {
        options: { type: 'object', properties: { level: { type: 'integer' } } },
        columns: { reviewed: 'boolean' },
      },
      picky: {
        validate: (resource) => [
          `${resource.name} has ${resource.columns.length} columns, which is not enough`,
        ],
      },
    },
  }),
  door: definePlugin({ name: 'door', authenticate: () => null }),
  './gate.js': definePlugin({ name: 'gate', authenticate: () => null }),
}

async function loadPlugin(specifier: string): Promise<Plugin> {
  const plugin = PLUGINS[specifier]
  if (plugin === undefined) throw new Error(`plugin \`${specifier}\` not found`)
  return plugin
}

const folder = new URL('./wrong/', import.meta.url).pathname
const env = { WORD: 'many', NUMBER: '20', HOST_PART: 'here' }

async function faultsOf(file: string): Promise<readonly Diagnostic[]> {
  try {
    await loadDefinition(file, { loadPlugin, env })
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics
    throw error
  }
  return []
}

const shown = ({ line, column, message, hint }: Diagnostic): string =>
  `${line}:${column}  ${message.replaceAll(folder, '')}${hint === null ? '' : `  (${hint.replace(folder.replace(/\/$/, ''), '.')})`}`

const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

t.ok(files.length >= 10)
for (const name of files) {
  t.test(`every fault of ${name} is reported at its place`, async (t) => {
    const faults = await faultsOf(folder + name)
    t.ok(faults.length > 1)
    const expected = readFileSync(`${folder}${name.replace('.yaml', '.expected')}`, 'utf8')
    t.equal(`${faults.map(shown).join('\n')}\n`, expected)
    for (const fault of faults) {
      const line = readFileSync(fault.file, 'utf8').split('\n')[fault.line - 1]
      t.equal(fault.source, line)
      t.ok(
        fault.column - 1 + fault.length <= Math.max(fault.source.length, 1),
        'the carets are below the text',
      )
    }
  })
}

t.test('a fault is shown with its line, a caret below it and a hint', async (t) => {
  const error = await loadDefinition(`${folder}columns.yaml`, { loadPlugin, env }).catch(
    (cause: unknown) => cause,
  )
  if (!(error instanceof ConfigError)) throw error
  const [first] = error.format(folder).split('\n\n')
  t.equal(
    first,
    [
      'columns.yaml:6:13  error  unknown column type `strng(50)!`',
      '  6 |       name: strng(50)!',
      '    |             ^^^^^^^^^^',
      '  hint: did you mean `string`?',
    ].join('\n'),
  )
  t.match(error.format(folder), /\n\n17 problems found$/)
})
