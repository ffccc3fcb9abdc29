/** `include:` patterns → files. `*` and `?` stay within a folder, `**` crosses folders. */
import { readdirSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'

const MAX_FILES = 1000

/** Absolute paths in order of their names; empty when nothing matches. A pattern may be absolute. */
export function matchFiles(pattern: string, dir: string): readonly string[] {
  if (!/[*?]/.test(pattern)) return isFile(resolve(dir, pattern)) ? [resolve(dir, pattern)] : []
  const segments = pattern.split('/')
  const wild = segments.findIndex((segment) => /[*?]/.test(segment))
  const fixed = segments.slice(0, wild).join('/')
  const root = isAbsolute(pattern) ? resolve(`${fixed}/`) : resolve(dir, fixed)
  const expression = toExpression(segments.slice(wild))
  const deep = segments.length - wild > 1 || segments[wild] === '**'
  return filesBelow(root, deep, [])
    .filter((file) => expression.test(relative(root, file).split(sep).join('/')))
    .sort()
}

function toExpression(segments: readonly string[]): RegExp {
  const parts = segments.map((segment, index) => {
    const last = index === segments.length - 1
    if (segment === '**') return last ? '.*' : '(?:[^/]+/)*'
    const text = segment
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*+/g, '[^/]*')
      .replaceAll('?', '[^/]')
    return last ? text : `${text}/`
  })
  return new RegExp(`^${parts.join('')}$`, 'u')
}

/** Hidden folders and node_modules are not entered. */
function filesBelow(folder: string, deep: boolean, found: string[]): string[] {
  let entries: ReturnType<typeof names>
  try {
    entries = names(folder)
  } catch {
    return found
  }
  for (const entry of entries) {
    if (found.length >= MAX_FILES) return found
    if (entry.isFile() || (entry.isSymbolicLink() && isFile(join(folder, entry.name))))
      found.push(join(folder, entry.name))
    else if (deep && entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules') {
      filesBelow(join(folder, entry.name), deep, found)
    }
  }
  return found
}

const names = (folder: string) => readdirSync(folder, { withFileTypes: true })

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
