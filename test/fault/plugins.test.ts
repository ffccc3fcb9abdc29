/** Plugins that do not come up, or do not go down: one clear sentence each, and never a stack trace (spec: Plugins). */
import { join } from 'node:path'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { cli, cliHere, serveCli } from '../helpers/cli.js'

const CONFIG = `
name: lab
auth: off
database: { url: 'sqlite::memory:' }
plugins: { ./plugin.js: {} }
resources:
  Note:
    columns: { text: string }
`
const defined = (rest: string, before = ''): string =>
  `import { definePlugin } from 'biodm'\n${before}\nexport default definePlugin({ name: 'odd', ${rest} })`
const route = (method: string, path: string) =>
  `{ method: '${method}', path: '${path}', run: () => ({ status: 204 }) }`

const STACK = /\n\s+at |node:internal/

/** Module → what `biodm check` and `serve` say before it ends with 1. */
const REFUSED: readonly (readonly [title: string, module: string, says: RegExp])[] = [
  [
    'a module that throws',
    `throw new Error('no licence')`,
    /plugin `\.\/plugin\.js` .*cannot be imported: no licence/,
  ],
  ['a module that does not parse', 'export default {{', /cannot be imported/],
  ['a module without a default export', 'export const x = 1', /has no default export made by definePlugin/],
  [
    'a default export that is a function',
    'export default () => 1',
    /has no default export made by definePlugin/,
  ],
  ['a name that is none', defined('').replace("'odd'", "'a b'"), /its `name` must be a word/],
  ['hooks that are no object', defined('hooks: []'), /its `hooks` must be an object/],
  ['a hook without a stage', defined('hooks: { x: { run() {} } }'), /hooks\.x: must have a `stage`/],
  [
    'a hook that is no function',
    defined(`hooks: { x: { stage: 'prefix', run: 1 } }`),
    /hooks\.x: must have a function `run`/,
  ],
  [
    'a schema of options that is none',
    defined(`options: { type: 'objekt' }`),
    /options is not a JSON Schema/,
  ],
  [
    'a route on a path of the server',
    defined(`routes: [${route('GET', '/live')}]`),
    /GET \/live is a route of the server already/,
  ],
  [
    'a route on a path of a resource',
    defined(`routes: [${route('POST', '/notes')}]`),
    /\/notes is a route of the plugin `odd` already/,
  ],
  [
    'a route twice',
    defined(`routes: [${route('GET', '/x')}, ${route('GET', '/x')}]`),
    /GET \/x is a route of the plugin `odd` already/,
  ],
  [
    'a route without a path',
    defined('routes: [{ method: "GET", run() {} }]'),
    /routes\.0: the path must start with/,
  ],
  [
    'a resource of a name that is taken',
    defined('resources: { Note: { columns: { text: "string" } } }'),
    /plugin `odd` brings a resource `Note` too/,
  ],
]

/** The same of what is only found out when it is set up. */
const DOWN: typeof REFUSED = [
  [
    'a setup that throws',
    defined(`setup() { throw new Error('no bus') }`),
    /plugin `odd` did not start: no bus/,
  ],
  [
    'a setup that rejects with nothing',
    defined('setup: () => Promise.reject()'),
    /plugin `odd` did not start/,
  ],
  ['a setup that returns a number', defined('setup: () => 7'), /`odd` did not start: setup must return/],
  [
    'a setup whose SQL is wrong',
    defined(
      `setup: async (_, { runtime }) => { await runtime.transaction(({ trx }) => trx.raw('SELECT 1 FROM nowhere')) }`,
    ),
    /plugin `odd` did not start: .*no such table: nowhere/,
  ],
]

for (const [title, module, says] of REFUSED) {
  t.test(`${title} is an error of the configuration`, async (t) => {
    const dir = t.testdir({ 'biodm.yaml': CONFIG, 'plugin.js': module })
    const { code, stderr } = await cliHere(['check', join(dir, 'biodm.yaml')])
    t.equal(code, 1)
    t.match(stderr, says)
    t.notMatch(stderr, STACK)
  })
}

for (const [title, module, says] of DOWN) {
  t.test(`${title} is an error before anything is served`, async (t) => {
    const dir = t.testdir({ 'biodm.yaml': CONFIG, 'plugin.js': module })
    const { code, stderr, stdout } = await cli(['serve', join(dir, 'biodm.yaml'), '--port', '0'])
    t.equal(code, 1)
    t.match(stderr, says)
    t.notMatch(stderr, STACK)
    t.equal(stdout, '')
  })
}

t.test('two plugins of one name', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': CONFIG.replace('./plugin.js: {}', './plugin.js: {}, ./other.js: {}'),
    'plugin.js': defined(''),
    'other.js': defined(''),
  })
  const { code, stderr } = await cliHere(['check', join(dir, 'biodm.yaml')])
  t.equal(code, 1)
  t.match(stderr, /odd/)
})

/** Module → what the log says when the server stops; it stops all the same. */
const CLOSES: readonly (readonly [title: string, close: string, says: RegExp])[] = [
  ['throws', `() => { throw new Error('bus gone') }`, /bus gone/],
  ['rejects with nothing', '() => Promise.reject()', /did not close cleanly/],
  ['never ends', '() => new Promise(() => {})', /close of the plugin odd took longer than 5000 ms/],
  ['is no function', '7', /did not close cleanly/],
]

for (const [title, close, says] of CLOSES) {
  t.test(`a close that ${title} is logged, and the server ends well`, async (t) => {
    const module = defined(`setup: () => ({ manager: 1, close: ${close} })`)
    const dir = t.testdir({ 'biodm.yaml': CONFIG, 'plugin.js': module })
    const server = await serveCli(t, [join(dir, 'biodm.yaml'), '--port', '0'])
    t.equal((await httpClient(server.url).post('/notes', { text: 'a' })).status, 201)
    t.equal(await server.stop(), 0)
    t.match(server.output().stderr, says)
    t.match(server.output().stderr, /"plugin":"odd"/)
  })
}

t.test('what a plugin throws behind everybody’s back does not end the server', async (t) => {
  const module = defined(
    `routes: [{ method: 'GET', path: '/odd', run() {
      setTimeout(() => { throw new Error('late') }, 5)
      Promise.reject(new Error('stray'))
      return { status: 200, body: 'x' }
    } }], setup: () => ({ ready: () => { throw new Error('x') } })`,
  )
  const dir = t.testdir({ 'biodm.yaml': CONFIG, 'plugin.js': module })
  const server = await serveCli(t, [join(dir, 'biodm.yaml'), '--port', '0'])
  const api = httpClient(server.url)
  for (let n = 0; n < 3; n += 1) t.equal((await api.get('/odd')).status, 200)
  t.match(await api.get('/ready'), { status: 503, body: { managers: { odd: false } } })
  t.equal((await api.get('/live')).status, 200)
  t.equal(await server.stop(), 0)
  t.match(server.output().stderr, /late/)
  t.match(server.output().stderr, /stray/)
})
