/**
 * Modules that were changed, imported anew. A module can be imported twice only under two addresses, and cannot be
 * unloaded: each state of its files has one address, so that going back to an earlier state costs nothing more.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Inputs } from '../config/inputs.js'
import type { LoadPlugin } from '../config/plugins.js'
import { isPath, loadPlugin } from '../registry.js'

const MAX_FILES = 1_000

/** `loadPlugin` that sees changes of modules given by path and of what they import by relative path, as literals. */
export function freshPlugins(): (inputs: Inputs) => LoadPlugin {
  register(new URL('./fresh-hooks.js', import.meta.url))
  return (inputs) => async (specifier, dir) => {
    if (!isPath(specifier)) return await loadPlugin(specifier, dir)
    const state = stateOf(resolve(dir, specifier), inputs)
    return await loadPlugin(specifier, dir, (file) => {
      const url = pathToFileURL(file)
      url.searchParams.set('state', state)
      return url
    })
  }
}

/** A digest of a module and everything that it imports by a relative path. */
function stateOf(entry: string, inputs: Inputs): string {
  const { cache } = createRequire(entry)
  const digest = createHash('sha256')
  const files = [entry]
  for (let index = 0; index < files.length && index < MAX_FILES; index += 1) {
    const file = files[index] ?? entry
    inputs.file(file)
    const text = textOf(file)
    digest.update(`${file}\0${text ?? ''}\0`)
    // What CommonJS keeps has no address but the file.
    delete cache[file]
    for (const path of text === null ? [] : importsOf(file, text)) if (!files.includes(path)) files.push(path)
  }
  return digest.digest('hex').slice(0, 16)
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

const RELATIVE = /\b(?:from|import|require)\s*\(?\s*(['"`])(\.{1,2}\/[^'"`\n]+)\1/g

/** Also names that stand in comments: one file too many does no harm. */
function importsOf(file: string, text: string): readonly string[] {
  return [...text.matchAll(RELATIVE)].flatMap(([, , specifier = '']) => {
    const path = resolve(dirname(file), decoded(specifier))
    return /\.[cm]?(js|ts)$|\.json$/.test(path) ? [path] : [path, `${path}.js`, `${path}.json`]
  })
}

function decoded(specifier: string): string {
  try {
    return decodeURIComponent(specifier.replace(/[?#].*$/, ''))
  } catch {
    return specifier
  }
}
