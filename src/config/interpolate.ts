/**
 * `${NAME}`, `${NAME:-default}` and `${file:path}` inside text scalars, after parsing: a value can never change the
 * structure. A scalar that is one `${…}` alone takes the type that its key expects; `$${` stands for a literal `${`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { JsonSchema } from '../plugin.js'
import type { Inputs } from './inputs.js'
import type { Report } from './report.js'
import { type Path, pathKey } from './source.js'

export type Env = Readonly<Record<string, string | undefined>>

export interface Interpolation {
  readonly env: Env
  /** Folder of the file that holds the text. */
  readonly dir: string
  readonly file: string
  readonly report: Report
  readonly variables: Variables
  readonly inputs: Inputs
}

/** Where variables stood, as `pathKey`s. */
export interface Variables {
  /** Text that came from a `${…}` alone and has no type yet: `retype` gives it one later. */
  readonly lone: Set<string>
  /** Every text with a variable: what it became may be a secret, so no message quotes it. */
  readonly all: Set<string>
}

export const noVariables = (): Variables => ({ lone: new Set(), all: new Set() })

/** A copy of `value` with every variable replaced; missing ones are reported and their keys left out. */
export function interpolate(value: unknown, path: Path, schema: Typing, context: Interpolation): unknown {
  if (typeof value === 'string') return value.includes('${') ? scalar(value, path, schema, context) : value
  if (Array.isArray(value)) {
    const items = value.map((item, i) => interpolate(item, [...path, String(i)], schema.item(i), context))
    if (!items.includes(undefined)) return items
    context.report.markBroken(path)
    return undefined
  }
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, part] of Object.entries(value)) {
    const replaced = interpolate(part, [...path, key], schema.key(key), context)
    if (replaced !== undefined) copy[key] = replaced
  }
  return copy
}

const VARIABLE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g
const NAMED = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

function scalar(text: string, path: Path, schema: Typing, context: Interpolation): unknown {
  const faults: string[] = []
  const replaced = text.replace(VARIABLE, (whole, inner: string | undefined) => {
    if (whole === '$${') return '${'
    const found = inner === undefined ? { fault: '`${` without `}`' } : variable(inner, context)
    if ('text' in found) return found.text
    faults.push(found.fault)
    return ''
  })
  for (const fault of faults) {
    context.report.fault(path, fault, { file: context.file, hint: hintFor(fault) })
  }
  if (faults.length > 0) {
    context.report.markBroken(path)
    return undefined
  }
  if (replaced !== text) context.variables.all.add(pathKey(path))
  if (!/^\$\{[^{}]*\}$/.test(text)) return replaced
  const typed = convert(replaced, schema.types())
  if (typed === replaced) context.variables.lone.add(pathKey(path))
  return typed
}

const hintFor = (fault: string): string | null =>
  fault.startsWith('the environment')
    ? 'set it, or write `${NAME:-default}`'
    : fault.startsWith('`${')
      ? 'write `$${` for the characters themselves'
      : null

function variable(
  inner: string,
  { env, dir, inputs }: Interpolation,
): { readonly text: string } | { readonly fault: string } {
  if (inner.startsWith('file:')) return secret(resolve(dir, inner.slice('file:'.length)), inputs)
  const [, name, fallback] = NAMED.exec(inner) ?? []
  if (name === undefined)
    return { fault: `\`\${${inner}}\` is neither a name, a name with a default, nor a file` }
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  // As in a shell: an empty variable takes the default too.
  if (value !== undefined && (value !== '' || fallback === undefined)) return { text: value }
  return fallback === undefined
    ? { fault: `the environment variable \`${name}\` is not set` }
    : { text: fallback }
}

function secret(file: string, inputs: Inputs): { readonly text: string } | { readonly fault: string } {
  inputs.file(file)
  try {
    return { text: readFileSync(file, 'utf8').replace(/\r?\n$/, '') }
  } catch (cause) {
    return {
      fault: `${file} cannot be read: ${cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)}`,
    }
  }
}

/** `text` in the first of `types` that it can be: a text stays text wherever text is welcome. */
export function convert(text: string, types: ReadonlySet<string>): unknown {
  if (types.size === 0 || types.has('string')) return text
  const isNumber = /^-?\d{1,15}(\.\d{1,15})?$/.test(text)
  if (isNumber && (types.has('number') || (types.has('integer') && Number.isInteger(Number(text)))))
    return Number(text)
  if (types.has('boolean') && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

/** Types a value whose schema became known only now (options of plugins and traits, column defaults). */
export function retype(value: unknown, path: Path, schema: Typing, lone: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return lone.has(pathKey(path)) ? convert(value, schema.types()) : value
  if (Array.isArray(value))
    return value.map((item, i) => retype(item, [...path, String(i)], schema.item(i), lone))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, part]) => [
    key,
    retype(part, [...path, key], schema.key(key), lone),
  ])
  return Object.fromEntries(entries)
}

/** What a JSON Schema expects at a place: walked together with the value. */
export class Typing {
  readonly #root: JsonSchema
  readonly #schemas: readonly JsonSchema[]

  constructor(root: JsonSchema, schemas: readonly JsonSchema[] = [root]) {
    this.#root = root
    this.#schemas = schemas
  }

  /** The part of the schema under `definitions`. */
  definition(name: string): Typing {
    return new Typing(this.#root, this.#resolve(`#/definitions/${name}`))
  }

  key(name: string): Typing {
    return this.#below((schema) => {
      const properties = objectOf(schema['properties'])
      return Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties']
    })
  }

  item(index: number): Typing {
    return this.#below(({ items }) => (Array.isArray(items) ? items[index] : items))
  }

  /** JSON type names; empty: anything goes. */
  types(): ReadonlySet<string> {
    const schemas = this.#alternatives()
    return new Set(schemas.flatMap(typesOf))
  }

  #below(step: (schema: JsonSchema) => unknown): Typing {
    return new Typing(this.#root, this.#alternatives().map(step).filter(isSchema))
  }

  /** The schemas that may apply, references followed and unions flattened. */
  #alternatives(): JsonSchema[] {
    const found: JsonSchema[] = []
    const waiting = [...this.#schemas]
    for (let schema = waiting.pop(); schema !== undefined && found.length < 200; schema = waiting.pop()) {
      found.push(schema)
      const reference = schema['$ref']
      if (typeof reference === 'string') waiting.push(...this.#resolve(reference))
      for (const union of ['anyOf', 'oneOf', 'allOf']) {
        const parts = schema[union]
        if (Array.isArray(parts)) waiting.push(...parts.filter(isSchema))
      }
    }
    return found
  }

  #resolve(reference: string): JsonSchema[] {
    let at: unknown = this.#root
    for (const part of reference.replace(/^#\/?/, '').split('/')) at = objectOf(at)[part]
    return isSchema(at) ? [at] : []
  }
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objectOf = (value: unknown): Readonly<Record<string, unknown>> => (isSchema(value) ? value : {})

function typesOf(schema: JsonSchema): string[] {
  const { type } = schema
  if (type !== undefined) return [type].flat().map(String)
  const words = schema['enum'] ?? (schema['const'] === undefined ? undefined : [schema['const']])
  return Array.isArray(words) ? words.map((word) => typeof word) : []
}
