/** config/biodm.schema.json at work: checks the form of a configuration and says what is wrong in plain words. */
import { readFileSync } from 'node:fs'
import { Ajv, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { JsonSchema } from '../plugin.js'
import type { Variables } from './interpolate.js'
import { packagedFile } from './packaged.js'
import { type Path, pathKey } from './source.js'
import { closest, didYouMean } from './suggest.js'
import { entry } from './tables.js'

/** A fault of form at `path`; `remove` is what to take out so that the rest can still be judged. */
export interface FormFault {
  readonly path: Path
  readonly message: string
  readonly hint: string | null
  readonly key: boolean
  readonly remove: Path
  /** Name of the key whose absence the fault is. */
  readonly missing: string | null
}

/** What the packaged schema can check. Each check is compiled when it is first asked for. */
export interface Grammar {
  readonly schema: JsonSchema
  config(): ValidateFunction
  /** A file named by `include`. */
  included(): ValidateFunction
  /** One resource, or the parts of one that a trait brings. */
  resource(): ValidateFunction
  /** Options of a plugin or trait by its own schema; throws when that is no schema. */
  options(schema: JsonSchema): ValidateFunction
}

/**
 * Reads the schema. The alternatives for `${…}` serve editors only: here values are interpolated. A test checks the
 * schema itself, so that a start need not.
 */
export function loadGrammar(): Grammar {
  const text = readFileSync(packagedFile('biodm.schema.json'), 'utf8')
  const schema = withoutVariables(JSON.parse(text)) as AnySchemaObject
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    validateSchema: false,
    inlineRefs: false,
    ownProperties: true,
    code: { optimize: false },
  })
  ajv.addSchema(schema, 'config')
  const compile = (reference: string) => ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
  return {
    schema,
    config: () => compile('config#'),
    included: () => compile('config#/definitions/included'),
    resource: () => compile('config#/definitions/resource'),
    options: optionsCompiler(),
  }
}

const VARIABLE = '#/definitions/variable'

function withoutVariables(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutVariables)
  if (typeof schema !== 'object' || schema === null) return schema
  const { anyOf, ...rest } = schema as { readonly anyOf?: readonly { readonly $ref?: string }[] }
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withoutVariables(value)]))
  if (anyOf === undefined) return copy
  const kept = anyOf.filter(({ $ref }) => $ref !== VARIABLE).map(withoutVariables)
  return kept.length === 1 ? { ...copy, ...(kept[0] as object) } : { ...copy, anyOf: kept }
}

/** Schemas of plugins are read leniently; their defaults are applied to what they check. */
function optionsCompiler(): Grammar['options'] {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    validateSchema: false,
    useDefaults: true,
    ownProperties: true,
    code: { optimize: false },
  })
  addFormats.default(ajv)
  return (schema) => ajv.compile({ type: 'object', additionalProperties: false, ...schema })
}

/** All faults of `value`, in plain words. `base`: path of `value` in the configuration. */
export function formFaults(
  validate: ValidateFunction,
  value: unknown,
  base: Path,
  variables?: Variables,
): FormFault[] {
  if (validate(value)) return []
  return relevant(validate.errors ?? []).map((error) => {
    const path = [...base, ...pointerPath(error.instancePath)]
    const secret = variables?.all.has(pathKey(path)) === true
    return plainFault(secret ? { ...error, data: SECRET } : error, path)
  })
}

/** Stands for a value that came from a variable. */
const SECRET = Symbol('the value of the variable')

/** Of a failed union only the errors of the alternative that was meant: the one of the value's own type. */
function relevant(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = errors.filter(({ keyword }) => keyword !== 'propertyNames')
  for (const union of errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')) {
    const inside = kept.filter((error) => error !== union && isInside(error, union))
    const meant = inside.filter((error) => alternativeFits(error, union, inside))
    const dropped = new Set(
      meant.length > 0 ? [...inside.filter((error) => !meant.includes(error)), union] : inside,
    )
    kept = kept.filter((error) => !dropped.has(error))
  }
  return kept
}

const isInside = (error: ErrorObject, union: ErrorObject): boolean =>
  `${error.instancePath}/`.startsWith(`${union.instancePath}/`) &&
  (error.schemaPath.startsWith(`${union.schemaPath}/`) || isReferenced(error, union))

/** A `$ref` inside an alternative starts its schema path anew; the place in the value tells all the same. */
const isReferenced = (error: ErrorObject, union: ErrorObject): boolean =>
  !error.schemaPath.startsWith(union.schemaPath.slice(0, union.schemaPath.lastIndexOf('/'))) &&
  error.instancePath !== union.instancePath

/** An alternative is not meant when the value is of another type, or of none of its words. */
function alternativeFits(error: ErrorObject, union: ErrorObject, inside: readonly ErrorObject[]): boolean {
  if (!error.schemaPath.startsWith(`${union.schemaPath}/`)) return true
  const alternative = error.schemaPath.slice(union.schemaPath.length + 1).split('/')[0] ?? ''
  const own = inside.filter(({ schemaPath }) => schemaPath.startsWith(`${union.schemaPath}/${alternative}/`))
  return !own.some(
    ({ keyword, instancePath }) =>
      instancePath === union.instancePath && (keyword === 'type' || keyword === 'enum'),
  )
}

export function pointerPath(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function plainFault(error: ErrorObject, path: Path): FormFault {
  if (error.propertyName !== undefined) {
    const at = [...path, error.propertyName]
    return { path: at, key: true, remove: at, missing: null, ...words(error) }
  }
  if (error.keyword === 'additionalProperties') {
    const at = [...path, String(error.params['additionalProperty'])]
    return { path: at, key: true, remove: at, missing: null, ...words(error) }
  }
  const missing = error.keyword === 'required' ? String(error.params['missingProperty']) : null
  return { path, key: missing !== null, remove: path, missing, ...words(error) }
}

interface Words {
  readonly message: string
  readonly hint: string | null
}

function words(error: ErrorObject): Words {
  return (WORDS[error.keyword] ?? otherWords)(error)
}

const otherWords = ({ message }: ErrorObject): Words => ({
  message: message ?? 'this is not valid',
  hint: null,
})

const WORDS: Readonly<Record<string, (error: ErrorObject) => Words>> = {
  additionalProperties: ({ params, parentSchema }) => {
    const name = String(params['additionalProperty'])
    const known = Object.keys((parentSchema?.['properties'] ?? {}) as object)
    return {
      message: `unknown key \`${name}\``,
      hint: known.length === 0 ? 'no keys are known here' : didYouMean(name, known, 'keys'),
    }
  },
  required: ({ params }) => ({
    message: `the key \`${String(params['missingProperty'])}\` is missing`,
    hint: null,
  }),
  type: ({ params, data }) => ({
    message: `expected ${typeName(params['type'])}, found ${describe(data)}`,
    hint: typeHint(params['type'], data),
  }),
  enum: ({ params, data }) => {
    const allowed = (params['allowedValues'] as readonly unknown[]).map(String)
    const guess = typeof data === 'string' ? closest(data, allowed) : null
    const hint = guess === null ? null : `did you mean \`${guess}\`?`
    return { message: `expected ${oneOf(allowed)}, found ${describe(data)}`, hint }
  },
  anyOf: ({ parentSchema, data }) => ({
    message: `this is not valid here: ${describe(data)}`,
    hint: typeof parentSchema?.['description'] === 'string' ? lowerFirst(parentSchema['description']) : null,
  }),
  pattern: (error) => ({
    message: `\`${error.propertyName ?? shorten(String(error.data))}\` is not allowed here`,
    hint:
      (error.parentSchema?.['patternErrorMessage'] as string | undefined) ??
      `it must match ${String(error.params['pattern'])}`,
  }),
  minimum: ({ params }) => ({ message: `must be at least ${String(params['limit'])}`, hint: null }),
  maximum: ({ params }) => ({ message: `must be at most ${String(params['limit'])}`, hint: null }),
  minItems: () => ({ message: 'the list is empty', hint: null }),
  uniqueItems: ({ params, data }) => ({
    message: `the list names ${describe((data as readonly unknown[])[Number(params['i'])])} twice`,
    hint: null,
  }),
  minLength: () => ({ message: 'the text is empty', hint: null }),
  maxLength: ({ params }) => ({ message: `longer than ${String(params['limit'])} characters`, hint: null }),
}

function typeHint(type: unknown, data: unknown): string | null {
  if (type === 'string') return isScalar(data) ? 'put it in quotes' : null
  if (typeof data !== 'string') return null
  if (type === 'boolean') return entry(SPOKEN, data.toLowerCase()) ?? null
  return (type === 'integer' || type === 'number') && /^-?\d/.test(data)
    ? 'write the digits only, without quotes'
    : null
}

/** What people write for a truth value elsewhere. */
const SPOKEN: Readonly<Record<string, string>> = {
  yes: 'write `true`',
  on: 'write `true`',
  true: 'remove the quotes',
  no: 'write `false`',
  off: 'write `false`',
  false: 'remove the quotes',
}

const isScalar = (data: unknown): boolean => typeof data === 'number' || typeof data === 'boolean'
const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
const oneOf = (names: readonly string[]): string =>
  names
    .map((name) => `\`${name}\``)
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' or ')

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
}

function typeName(type: unknown): string {
  const types = Array.isArray(type) ? type : [type]
  return types
    .filter((name) => name !== 'null')
    .map((name) => TYPE_NAMES[String(name)] ?? String(name))
    .join(' or ')
}

/** A value as a person would name it. */
export function describe(data: unknown): string {
  if (data === null || data === undefined) return 'nothing'
  if (typeof data === 'symbol') return data.description ?? ''
  if (Array.isArray(data)) return 'a list'
  if (typeof data === 'object') return 'a mapping'
  return typeof data === 'string' ? `the text \`${shorten(data)}\`` : `\`${String(data)}\``
}
