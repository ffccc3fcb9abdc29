import t from 'tap'
import { loadPlugin } from '../src/registry.js'
import { cli } from './helpers/cli.js'

const PLUGIN = "export default { name: 'audit', hooks: {} }"
/** As TypeScript writes it for CommonJS. */
const COMPILED = `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.default = { name: 'audit', hooks: {} };
`
const manifest = (rest: object): string =>
  JSON.stringify({ name: 'x', version: '1.0.0', type: 'module', ...rest })

t.test('a plugin is found by path, by package, and by the name of a shipped one', async (t) => {
  const dir = t.testdir({
    'audit.js': PLUGIN,
    'package.json': manifest({}),
    deep: { 'er.mjs': PLUGIN },
    'common.cjs': "module.exports = { name: 'audit', hooks: {} }",
    'compiled.cjs': COMPILED,
    'typed.ts': "const name: string = 'audit'\nexport default { name, hooks: {} }",
    node_modules: {
      'biodm-plugin-main': { 'package.json': manifest({ main: 'start.js' }), 'start.js': PLUGIN },
      'biodm-plugin-import': {
        'package.json': manifest({ exports: { '.': { import: './lib/index.js' } } }),
        lib: { 'index.js': PLUGIN },
      },
      '@lab': { audit: { 'package.json': manifest({ exports: './index.js' }), 'index.js': PLUGIN } },
    },
  })
  for (const specifier of [
    './audit.js',
    `${dir}/audit.js`,
    './deep/er.mjs',
    './common.cjs',
    './compiled.cjs',
    './typed.ts',
    'biodm-plugin-main',
    'biodm-plugin-import',
    '@lab/audit',
  ]) {
    t.match(await loadPlugin(specifier, dir), { name: 'audit' }, specifier)
  }
  t.match(
    await loadPlugin('../audit.js', `${dir}/deep`),
    { name: 'audit' },
    'relative to the folder of the configuration',
  )
  t.match(await loadPlugin('s3', dir), { name: 's3' })
})

t.test('what cannot be loaded is refused with its name, place and cause', async (t) => {
  const dir = t.testdir({
    'package.json': manifest({}),
    'throws.js': "throw new Error('no bus')",
    'syntax.js': 'export default {',
    'missing.js': "import 'not-installed'\nexport default { name: 'x' }",
    'empty.js': 'export const plugin = 1',
    'function.js': 'export default () => ({})',
    'nameless.js': 'export default {}',
    'shape.js': "export default { name: 'x', hooks: [], setup: {} }",
    'routes.js': "export default { name: 'x', routes: {} }",
  })
  const cases: [specifier: string, cause: RegExp][] = [
    ['./nowhere.js', /no file .*nowhere\.js/],
    ['nowhere', /no shipped plugin, and no package/],
    ['not a name', /not found/],
    ['fs', /not found|name/],
    ['node:fs', /not found/],
    ['./throws.js', /cannot be imported: no bus/],
    ['./syntax.js', /cannot be imported: Unexpected/],
    ['./missing.js', /cannot be imported: .*not-installed/],
    ['./empty.js', /no default export/],
    ['./function.js', /no default export/],
    ['./nameless.js', /`name` must be/],
    ['./shape.js', /`hooks` must be an object/],
    ['./routes.js', /`routes` must be an array/],
  ]
  for (const [specifier, cause] of cases) {
    await t.rejects(loadPlugin(specifier, dir), { message: cause }, specifier)
    await t.rejects(loadPlugin(specifier, dir), { message: new RegExp(`plugin \`${specifier}\``) })
  }
})

t.test('TypeScript without a loader is told what to do', async (t) => {
  const cwd = t.testdir({
    'biodm.yaml': 'plugins: { ./audit.ts: {} }\n',
    'audit.ts': "export default { name: 'audit' }",
  })
  const { code, stderr } = await cli(['check', 'biodm.yaml'], { cwd })
  // Later versions of Node take the types out by themselves.
  const stripped = 'typescript' in process.features && Boolean(process.features.typescript)
  t.equal(code, stripped ? 0 : 1)
  if (stripped) return
  t.match(stderr, /audit\.ts.*cannot be imported.*compile TypeScript first/)
})
