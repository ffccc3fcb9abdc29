/** Finds and imports plugins: shipped ones by name, paths, packages. Importing is all that happens here. */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Plugin } from './plugin.js'

const SHIPPED = fileURLToPath(new URL('../plugins/', import.meta.url))

/**
 * `specifier`: name of a shipped plugin (`s3`), a path relative to `dir` (`./plugins/audit.js`), or a package that
 * is installed for `dir`. `addressOf`: what is imported for a file. Throws an `Error` whose message names the plugin, its place and the cause.
 */
export async function loadPlugin(
  specifier: string,
  dir: string,
  addressOf: (file: string) => URL = pathToFileURL,
): Promise<Plugin> {
  const file = locate(specifier, dir)
  if (file === null) {
    throw new Error(
      `plugin \`${specifier}\` not found: no shipped plugin, and no package that ${dir} can import`,
    )
  }
  if (!existsSync(file)) throw new Error(`plugin \`${specifier}\` not found: there is no file ${file}`)
  return checkPlugin(await importFile(specifier, file, addressOf(file)), specifier, file)
}

/** All plugins that come with this package, by name. */
export async function shippedPlugins(): Promise<readonly Plugin[]> {
  const names = readdirSync(SHIPPED, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return await Promise.all(names.map(({ name }) => loadPlugin(name, SHIPPED)))
}

async function importFile(specifier: string, file: string, address: URL): Promise<unknown> {
  try {
    const module: { readonly default?: unknown } = await inTime(import(address.href))
    return unwrapped(module.default)
  } catch (cause) {
    throw new Error(
      `plugin \`${specifier}\` (${file}) cannot be imported: ${reason(cause)}${hint(cause, file)}`,
      {
        cause,
      },
    )
  }
}

/** An `await` at the top of a module may never end: nothing else would keep the process alive, or tell. */
const IMPORT_MS = 60_000

async function inTime<T>(importing: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const why = `it is still loading after ${IMPORT_MS / 1_000} s, behind an \`await\` at its top level`
    timer = setTimeout(() => reject(new Error(why)), IMPORT_MS)
  })
  try {
    return await Promise.race([importing, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A module that was compiled to CommonJS has its default export one level deeper. */
function unwrapped(value: unknown): unknown {
  const compiled = typeof value === 'object' && value !== null && '__esModule' in value && 'default' in value
  return compiled ? value.default : value
}

const hint = (cause: unknown, file: string): string =>
  /\.[cm]?ts$/.test(file) && reason(cause).startsWith('Unknown file extension')
    ? ' (compile TypeScript first, or start with a loader for it: NODE_OPTIONS="--import tsx")'
    : ''

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** A module of the user's own, unlike a shipped plugin or a package. */
export const isPath = (specifier: string): boolean => /^\.{0,2}\//.test(specifier)

function locate(specifier: string, dir: string): string | null {
  if (isPath(specifier)) return resolve(dir, specifier)
  const shipped = ['index.ts', 'index.js']
    .map((file) => join(SHIPPED, specifier, file))
    .find((file) => existsSync(file))
  return shipped ?? packageEntry(specifier, dir)
}

/** Entry of a package as seen from `dir`, or from biodm itself when `dir` has none. */
function packageEntry(specifier: string, dir: string): string | null {
  if (!/^(@[\w.-]+\/)?[\w-][\w.-]*(\/[\w./-]+)?$/.test(specifier)) return null
  for (const from of [join(dir, 'config.js'), fileURLToPath(import.meta.url)]) {
    const require = createRequire(from)
    try {
      const found = require.resolve(specifier)
      if (found.startsWith('/') || /^[a-z]:\\/i.test(found)) return found
    } catch {
      const entry = importOnlyEntry(specifier, require.resolve.paths(specifier) ?? [])
      if (entry !== null) return entry
    }
  }
  return null
}

/** A package whose `exports` has no condition for `require`: its `import` or `default` entry. */
function importOnlyEntry(specifier: string, folders: readonly string[]): string | null {
  for (const folder of folders) {
    const manifest = join(folder, specifier, 'package.json')
    if (!existsSync(manifest)) continue
    const { exports, main }: Manifest = createRequire(manifest)(manifest)
    const entry = entryOf(exports) ?? main ?? 'index.js'
    return join(folder, specifier, entry)
  }
  return null
}

interface Manifest {
  readonly exports?: unknown
  readonly main?: string
}

function entryOf(exports: unknown): string | null {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return null
  const conditions = exports as Readonly<Record<string, unknown>>
  for (const name of ['.', 'node', 'import', 'default']) {
    const entry = entryOf(conditions[name])
    if (entry !== null) return entry
  }
  return null
}

/** What a default export must be. */
function checkPlugin(value: unknown, specifier: string, file: string): Plugin {
  const fail = (message: string): never => {
    throw new Error(`plugin \`${specifier}\` (${file}): ${message}`)
  }
  if (typeof value !== 'object' || value === null) {
    return fail('it has no default export made by definePlugin({ name, … })')
  }
  const plugin = value as Partial<Record<keyof Plugin, unknown>>
  if (typeof plugin.name !== 'string' || !/^[a-z][a-z0-9_-]*$/i.test(plugin.name)) {
    return fail('its `name` must be a word of letters, digits, - and _')
  }
  for (const [key, kind] of Object.entries(SHAPE)) {
    const given = plugin[key as keyof Plugin]
    if (given !== undefined && kindOf(given) !== kind) fail(`its \`${key}\` must be ${kind}`)
  }
  return value as Plugin
}

const kindOf = (value: unknown): string =>
  Array.isArray(value)
    ? 'an array'
    : typeof value === 'function'
      ? 'a function'
      : typeof value === 'object' && value !== null
        ? 'an object'
        : typeof value

const SHAPE: Readonly<Record<string, string>> = {
  options: 'an object',
  traits: 'an object',
  resources: 'an object',
  extends: 'an object',
  hooks: 'an object',
  jobs: 'an object',
  tasks: 'an object',
  routes: 'an array',
  commands: 'an array',
  securityScheme: 'an object',
  authenticate: 'a function',
  setup: 'a function',
}
