/** `serve --watch`: whatever the configuration is made of may change, under requests that never stop. */
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { httpClient } from '../helpers/api.js'
import { type ServingCli, serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'
import { until } from '../helpers/until.js'

const CONFIG = `
include: [resources/*.yaml]
description: \${WORD:-none} \${file:secrets/word}
plugins: { ./plugins/stamp.js: {}, ./plugins/old.cjs: {} }
resources:
  Book:
    columns: { title: string(50)!, note: string, mark: string }
    hooks: { write: { prefix: [stamp.note, old.mark] } }
`
const SHELF = 'resources: { Shelf: { columns: { name: string! } } }\n'
const LAMP = 'resources: { Lamp: { columns: { name: string! } } }\n'

const STAMP = `import { word } from './lib/word.js'
export default { name: 'stamp', hooks: { note: { stage: 'prefix', async run(ctx) {
  for (const item of ctx.items) item.data.note = word
} } } }
`
const word = (text: string): string => `export const word = '${text}'\n`
const old = (text: string): string => `module.exports = { name: 'old', hooks: { mark: { stage: 'prefix',
  async run(ctx) { for (const item of ctx.items) item.data.mark = '${text}' } } } }
`

interface World {
  readonly dir: string
  readonly server: ServingCli
  readonly api: ReturnType<typeof httpClient>
  write(file: string, text: string): void
  /** Nothing but 201 was answered so far. */
  calm(): Promise<void>
}

async function world(t: Test, database: (dir: string) => Promise<string> | string): Promise<World> {
  const dir = t.testdir({
    'biodm.yaml': CONFIG,
    'package.json': '{"type":"module"}',
    resources: { 'shelf.yaml': SHELF },
    secrets: { word: 'one\n' },
    plugins: { 'stamp.js': STAMP, 'old.cjs': old('first'), lib: { 'word.js': word('first') } },
  })
  const server = await serveCli(t, [
    join(dir, 'biodm.yaml'),
    '--port',
    '0',
    '--watch',
    '--database',
    await database(dir),
  ])
  const api = httpClient(server.url)
  const failures: unknown[] = []
  let running = true
  let answered = 0
  const clients = [1, 2, 3].map(async () => {
    while (running) {
      const answer = await api.post('/books', { title: 'x' }).catch((error: unknown) => error)
      answered += 1
      if ((answer as { status?: number }).status !== 201) failures.push(answer)
    }
  })
  return {
    dir,
    server,
    api,
    write: (file, text) => writeFileSync(join(dir, file), text),
    async calm() {
      running = false
      await Promise.all(clients)
      t.same(failures, [])
      t.ok(answered > 20)
      t.equal(await server.stop(), 0)
    },
  }
}

for (const dialect of DIALECTS) {
  t.test(`every part of a configuration is taken over without a dropped request on ${dialect}`, async (t) => {
    const { api, dir, server, write, calm } = await world(t, (folder) =>
      dialect === 'sqlite' ? `sqlite:${join(folder, 'a.db')}` : testDatabaseUrl(t, dialect),
    )
    const status = async (path: string, wanted: number) => (await api.get(path)).status === wanted
    const book = async (): Promise<Record<string, unknown>> => (await api.post('/books', { title: 'y' })).body
    const described = async (text: string) => (await api.get('/schema')).body.info.description === text
    t.match(await book(), { note: 'first', mark: 'first' })
    t.ok(await described('none one'))

    write('resources/lamp.yaml', LAMP)
    t.ok(await until(() => status('/lamps', 200)), 'a new file that an include matches')
    write('resources/lamp.yaml', LAMP.replace('Lamp', 'Torch'))
    t.ok(await until(() => status('/torchs', 200)), 'a changed one')
    rmSync(join(dir, 'resources/lamp.yaml'))
    t.ok(await until(() => status('/torchs', 404)), 'one less')

    write('plugins/lib/word.js', word('second'))
    t.ok(await until(async () => (await book())['note'] === 'second'), 'what a plugin imports')
    write('plugins/stamp.js', STAMP.replace('= word', '= word.toUpperCase()'))
    t.ok(await until(async () => (await book())['note'] === 'SECOND'), 'the module of a plugin')
    write('plugins/old.cjs', old('second'))
    t.ok(await until(async () => (await book())['mark'] === 'second'), 'a CommonJS one')
    write('.env', 'WORD=some\n')
    t.ok(await until(() => described('some one')), 'the .env')
    write('secrets/other', 'two\n')
    symlinkSync(join(dir, 'secrets/other'), join(dir, 'secrets/link'))
    renameSync(join(dir, 'secrets/link'), join(dir, 'secrets/word'))
    t.ok(await until(() => described('some two')), 'a secret that is a link now')
    t.notMatch(server.output().stderr, /old one stays/)
    await calm()
  })
}

t.test('what is wrong is told at its place, and everything stays as it was', async (t) => {
  const { api, server, write, calm } = await world(t, (dir) => `sqlite:${join(dir, 'a.db')}`)
  const faults: readonly (readonly [file: string, text: string, good: string, said: RegExp])[] = [
    ['biodm.yaml', CONFIG.replace('string(50)!', 'strin(50)!'), CONFIG, /biodm.yaml:7:\d+ {2}error/],
    ['resources/shelf.yaml', 'resources: [', SHELF, /resources\/shelf.yaml:\d+:\d+ {2}error/],
    ['plugins/stamp.js', 'export default {', STAMP, /cannot be imported: Unexpected end of input/],
    ['plugins/lib/word.js', 'export const other = 1', word('third'), /cannot be imported: .*'word'/],
    ['plugins/stamp.js', `${STAMP}throw new Error('on purpose')`, STAMP, /cannot be imported: on purpose/],
  ]
  for (const [file, text, good, said] of faults) {
    const before = server.output().stderr.length
    const since = () => server.output().stderr.slice(before)
    write(file, text)
    t.ok(await until(async () => said.test(since()) && /old one stays/.test(since())), file)
    t.notMatch(since(), /^\s+at .*:\d+/m)
    t.equal((await api.get('/shelfs')).status, 200)
    write(file, good)
    t.ok(await until(async () => /new configuration is in place/.test(since())), 'and taken over once right')
  }
  t.match((await api.post('/books', { title: 'y' })).body, { note: 'third' })
  await calm()
})

t.test('a load that changes nothing leaves no connection, timer or file behind', async (t) => {
  const { server, dir, write, calm } = await world(t, (folder) => `sqlite:${join(folder, 'a.db')}`)
  const open = (): number => readdirSync(`/proc/${server.process.pid}/fd`).length
  const loads = () => server.output().stderr.split('new configuration is in place').length - 1
  mkdirSync(join(dir, 'more'))
  let least = Number.POSITIVE_INFINITY
  for (let round = 1; round <= 6; round += 1) {
    write('biodm.yaml', `${CONFIG}# ${round}\n`)
    t.ok(await until(async () => loads() === round))
    if (round === 2) least = open()
  }
  t.ok(open() <= least + 2, `${open()} files are open, ${least} were`)
  await calm()
})
