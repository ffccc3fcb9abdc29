/** The reference pages and the code name the same things, in both directions. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { ERRORS } from '../../src/errors.js'
import { OPERATIONS } from '../../src/hooks.js'
import { cliHere } from '../helpers/cli.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): string => readFileSync(`${root}/${file}`, 'utf8')

/** First cells of the table rows under a heading, without code marks. */
function firstCells(markdown: string, heading: string): string[] {
  const section = markdown.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell)
}

/** Members of an interface and of those it extends, by the compiler's own reading of a file. */
function members(file: string, name: string): string[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2023, true)
  const found: string[] = []
  const visit = (wanted: string): void => {
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== wanted) continue
      found.push(...statement.members.map((member) => member.name?.getText(source) ?? ''))
      for (const clause of statement.heritageClauses ?? []) {
        for (const type of clause.types) visit(type.expression.getText(source))
      }
    }
  }
  visit(name)
  return found
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()

t.test('every error code is documented with its status, and no other', async (t) => {
  const rows = [...read('docs/reference/errors.md').matchAll(/^\| `(\w+)` \| (\d{3}) \|/gm)]
  t.same(
    Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)])),
    Object.fromEntries(Object.entries(ERRORS).map(([code, { status }]) => [code, status])),
  )
})

t.test('every hook point is documented, and no other', async (t) => {
  t.same(sorted(firstCells(read('docs/reference/plugins.md'), 'Hook points')), sorted(OPERATIONS))
})

t.test('every member of a hook’s context is documented, and no other', async (t) => {
  const documented = firstCells(read('docs/reference/plugins.md'), '`ctx` of a hook').map((cell) =>
    cell.replace('ctx.', ''),
  )
  const declared = [...members('src/hooks.ts', 'PrefixContext'), ...members('src/hooks.ts', 'PostfixContext')]
  t.same(sorted(documented), sorted(declared))
})

t.test('every key of a plugin and of a trait is documented', async (t) => {
  const page = read('docs/reference/plugins.md')
  t.same(sorted(firstCells(page, 'What a plugin declares')), sorted(members('src/plugin.ts', 'Plugin')))
  for (const key of members('src/plugin.ts', 'Trait')) t.match(page, `\`${key}\``, `trait: ${key}`)
})

t.test('the reference of the command line is what --help says', async (t) => {
  const page = read('docs/reference/cli.md')
  const help = async (...words: string[]): Promise<string> => (await cliHere([...words, '--help'])).stdout
  const commands = [...(await help()).matchAll(/^ {2}([\w-]+) (?:\[|<)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help')
  t.ok(commands.includes('serve'))
  const sections = page.split(/^## `biodm /m).slice(1)
  const nameOf = (section: string): string => section.slice(0, section.indexOf('`'))
  t.same(sections.map(nameOf).sort(), commands.sort())
  const common = ['--host', '--port', '--database', '--json', '--help']
  for (const section of sections) {
    const command = nameOf(section)
    const given = [...(await help(command)).matchAll(/^ +(?:-\w, )?(--[a-z][a-z-]*)/gm)].map(
      ([, flag = '']) => flag,
    )
    const documented = [...section.matchAll(/`(--[a-z][a-z-]*)/g)].map(([, flag = '']) => flag)
    t.same(sorted([...documented, ...common]), sorted([...given, ...common]), command)
    t.same(
      common.slice(0, 3).filter((flag) => !given.includes(flag)),
      command === 'init' ? common.slice(0, 3) : [],
      `${command} takes what stands over the file`,
    )
  }
  for (const flag of common) t.match(page, `\`${flag}\``)
})
