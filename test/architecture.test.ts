/** The shape of the source: layers, cycles, what plugins may import, length of files. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Lower layers never import higher ones. */
const LAYERS = [
  ['errors', 'identity', 'json-text', 'log', 'bounded', 'hooks', 'plugin'],
  ['config'],
  ['model'],
  ['access'],
  ['plan'],
  ['managers'],
  ['services'],
  ['controllers'],
  ['server'],
  ['registry'],
  ['runtime'],
  ['cli', 'testing', 'index'],
]
/** Typed contracts: they may name what lies above, and everybody may name them. */
const CONTRACTS = new Set(['hooks', 'plugin'])
/** Files are mostly under 300 lines (Biome warns); this is where it ends. */
const MAX_LINES = 330
/** Longer for a reason; nothing else may be, and these may not grow. */
const LONG: Readonly<Record<string, number>> = {}

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(m?js|ts)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}

const IMPORT =
  /^\s*(import|export)(\s+type)?\b[^'"`;]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(IMPORT)].map((match) => ({
    from: file,
    to: match[3] ?? match[4] ?? match[5] ?? '',
    typeOnly: match[2] !== undefined,
  }))
}

/** `src/plan/query/fields.ts` → `plan`, `src/errors.ts` → `errors`. */
const layerOf = (file: string): string => file.split('/')[1]?.replace(/\.ts$/, '') ?? ''
const rank = (layer: string): number => LAYERS.findIndex((names) => names.includes(layer))

const resolved = ({ from, to }: Import): string =>
  relative(ROOT, resolve(ROOT, dirname(from), to.replace(/\.js$/, '.ts')))

const src = filesUnder('src')
const plugins = filesUnder('plugins')
const relativeImports = src.flatMap(importsOf).filter(({ to }) => to.startsWith('.'))

t.test('every file of src belongs to a layer', async (t) => {
  t.same(
    src.filter((file) => rank(layerOf(file)) < 0),
    [],
  )
})

t.test('lower layers never import higher ones', async (t) => {
  const wrong = relativeImports.filter((one) => {
    const target = layerOf(resolved(one))
    if (one.typeOnly && (CONTRACTS.has(target) || CONTRACTS.has(layerOf(one.from)))) return false
    return rank(target) > rank(layerOf(one.from))
  })
  t.same(wrong, [])
})

t.test('no module imports itself, over however many others', async (t) => {
  const graph = new Map<string, readonly string[]>()
  for (const file of [...src, ...plugins]) {
    const targets = importsOf(file).filter(({ to, typeOnly }) => to.startsWith('.') && !typeOnly)
    graph.set(file, targets.map(resolved))
  }
  const done = new Set<string>()
  const cycles: string[][] = []
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file)
    if (at >= 0) cycles.push([...trail.slice(at), file])
    if (at >= 0 || done.has(file)) return
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  t.same(cycles, [])
})

t.test('src imports no plugin, and plugins import nothing of ours but biodm', async (t) => {
  t.same(
    relativeImports.filter((one) => !resolved(one).startsWith('src/')),
    [],
  )
  const outside = plugins.flatMap(importsOf).filter((one) => {
    if (!one.to.startsWith('.')) return one.to.startsWith('biodm/')
    const home = one.from.split('/').slice(0, 2).join('/')
    return !resolved(one).startsWith(`${home}/`)
  })
  t.same(outside, [])
})

t.test('only what is declared is imported, and everything declared is', async (t) => {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  const packageOf = (specifier: string): string =>
    specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/')
  const used = [...src, ...plugins]
    .flatMap(importsOf)
    .map(({ to }) => to)
    .filter((to) => !to.startsWith('.') && !to.startsWith('node:'))
  t.same(
    used.filter((to) => builtinModules.includes(to)),
    [],
    'built-in modules are imported as node:',
  )
  const names = new Set(used.map(packageOf))
  names.delete('biodm')
  t.same(
    [...names].filter((name) => dependencies[name] === undefined),
    [],
    'undeclared',
  )
  /** Found by name: a transport of the log, files that are served, and types that the public ones name. */
  const indirect = ['pino-pretty', 'swagger-ui-dist', '@types/node']
  t.same(
    Object.keys(dependencies).filter((name) => !names.has(name) && !indirect.includes(name)),
    [],
    'unused',
  )
})

t.test(`files are of one subject: at most ${MAX_LINES} lines`, async (t) => {
  const long = [...src, ...plugins]
    .map((file) => ({ file, lines: readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1 }))
    .filter(({ file, lines }) => lines > (LONG[file] ?? MAX_LINES))
  t.same(long, [])
  for (const file of Object.keys(LONG)) t.ok(statSync(join(ROOT, file)).isFile(), file)
})
