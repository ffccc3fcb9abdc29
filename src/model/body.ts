/** Checks of one object of a request body, compiled by ajv from the columns; nested objects are checked on their own. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { groupPathFault } from '../identity.js'
import type { JsonSchema } from '../plugin.js'
import { columnSchema, isNullable } from './columns-schema.js'
import type { BodyValidators, Column, Relation, Resource } from './model.js'
import { canonical, compareValues, decimalPattern, isDate, isDatetime, isUuid } from './values.js'

/** What a body is checked against: the resource but for the validators themselves. */
export type BodySource = Pick<
  Resource,
  'name' | 'columns' | 'relations' | 'permissions' | 'primaryKey' | 'versioned'
>

/** String keys that paths could not hold, or that mean something else there. */
const RESERVED_KEYS = ['schema', '.', '..']

/** Columns that hold group paths: those that a parent's path is derived from. */
const pathColumns = (source: BodySource): ReadonlySet<string> =>
  new Set(
    [...source.columns.values()].flatMap((column) =>
      column.default?.kind === 'parent_path' ? [column.default.of] : [],
    ),
  )

/** One instance for all resources of a model. Lengths come before patterns, and nothing is coerced. */
export function createAjv(): Ajv {
  const ajv = new Ajv({
    strict: true,
    allowUnionTypes: true,
    ownProperties: true,
    allErrors: true,
    coerceTypes: false,
    useDefaults: false,
    messages: true,
    verbose: false,
  })
  ajv.addFormat('date', isDate)
  ajv.addFormat('date-time', isDatetime)
  ajv.addFormat('uuid', isUuid)
  ajv.addKeyword({ keyword: 'columnRange', schemaType: 'object', compile: rangeCheck })
  ajv.addKeyword({ keyword: 'columnPattern', schemaType: 'object', compile: patternCheck })
  ajv.addKeyword({
    keyword: 'groupPath',
    schemaType: 'boolean',
    validate: (_: boolean, value: unknown) => typeof value !== 'string' || groupPathFault(value) === null,
  })
  return ajv
}

interface GuardedPattern {
  readonly pattern: string
  readonly length: number
}

/** Too long a text is refused by `maxLength`: the pattern does not see it. */
function patternCheck({ pattern, length }: GuardedPattern): (value: unknown) => boolean {
  const expression = new RegExp(pattern, 'u')
  return (value) => typeof value !== 'string' || value.length > 2 * length || expression.test(value)
}

/** Ranges of decimals, dates and datetimes, which JSON Schema has no words for. */
function rangeCheck(column: Column): (value: unknown) => boolean {
  const pattern = column.type === 'decimal' ? new RegExp(decimalPattern(column)) : null
  const min = column.min === null ? null : canonical(column, String(column.min))
  const max = column.max === null ? null : canonical(column, String(column.max))
  return (value) => {
    // Anything that is no value of the type is told by the keywords beside this one.
    if (typeof value !== 'string' || pattern?.test(value) === false) return true
    const given = canonical(column, value)
    return (
      (min === null || compareValues(column, given, min) >= 0) &&
      (max === null || compareValues(column, given, max) <= 0)
    )
  }
}

const RANGED = new Set(['decimal', 'date', 'datetime'])

/** With guards that OpenAPI readers need not see: a pattern only runs on text of an allowed length. */
function validationSchema(column: Column, versioned: boolean, groupPath: boolean): JsonSchema {
  const { description: _, pattern, ...schema } = columnSchema(column)
  const guarded = pattern === undefined ? {} : guardedPattern(pattern, column)
  const ranged =
    RANGED.has(column.type) && (column.min !== null || column.max !== null) ? { columnRange: column } : {}
  const key = column.primary && ['string', 'text', 'enum'].includes(column.type)
  const path = groupPath ? { groupPath } : {}
  const least = typeof schema['minLength'] === 'number' ? Math.max(1, schema['minLength']) : 1
  const named = key ? { minLength: least, ...(versioned ? {} : { not: { enum: RESERVED_KEYS } }) } : {}
  return { ...schema, ...guarded, ...ranged, ...named, ...path }
}

function guardedPattern(pattern: unknown, column: Column): JsonSchema {
  if (column.length === null) return { pattern }
  return { columnPattern: { pattern, length: column.length } }
}

/** A client may give this column. `auth` false: `default: user` columns are ordinary ones. */
export function isWritable(column: Column, auth: boolean): boolean {
  if (!column.readonly) return true
  return !auth && column.default?.kind === 'user'
}

/** Columns and to-one relations without which a row cannot be made. */
function requiredNames(source: BodySource, auth: boolean): string[] {
  const toOne = [...source.relations.values()].filter((relation) => relation.kind === 'one')
  const foreign = new Set(toOne.flatMap((relation) => relation.columns.map((pair) => pair.column)))
  const columns = [...source.columns.values()].filter(
    (column) => !foreign.has(column.name) && mustBeGiven(column, auth),
  )
  const relations = toOne.filter((relation) => {
    const key = relation.columns.some((pair) => source.columns.get(pair.column)?.primary === true)
    return relation.constraint && (relation.required || key)
  })
  return [...columns, ...relations].map(({ name }) => name)
}

function mustBeGiven(column: Column, auth: boolean): boolean {
  if (column.virtual || column.generated || column.role === 'version' || column.role === 'latest')
    return false
  const filled = column.default !== null && (column.default.kind !== 'user' || auth)
  return !isNullable(column) && !filled && isWritable(column, auth)
}

/** `guard`: what only the validator reads, beside the type of a path. */
const listSchema = (guard: JsonSchema): JsonSchema => ({
  type: ['object', 'null'],
  properties: {
    id: { type: 'integer' },
    groups: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string', maxLength: 1000, ...guard } },
        required: ['path'],
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
})

const relationSchema = (relation: Relation): JsonSchema =>
  relation.kind === 'one' || relation.kind === 'inverse_one'
    ? { type: ['object', 'null'] }
    : { type: 'array', items: { type: 'object' } }

/** Rules of one field share it (`self` with several verbs): the union of their verbs. */
function permissionSchemas(source: BodySource, guard: JsonSchema): Record<string, JsonSchema> {
  const list = listSchema(guard)
  return Object.fromEntries(
    source.permissions.map(({ field, verbs }) => [
      field,
      {
        type: ['object', 'null'],
        properties: Object.fromEntries(verbs.map((verb) => [verb, list])),
        additionalProperties: false,
      },
    ]),
  )
}

export function bodyValidators(source: BodySource, ajv: Ajv, auth: boolean): BodyValidators {
  const columns = [...source.columns.values()].filter((column) => isWritable(column, auth))
  const relations = [...source.relations.values()]
  const validate = compileCheck(source, ajv, columns)
  let completed: ValidateFunction | undefined
  const schema: JsonSchema = Object.freeze({
    type: 'object',
    properties: {
      ...Object.fromEntries(columns.map((column) => [column.name, columnSchema(column)])),
      ...Object.fromEntries(relations.map((relation) => [relation.name, relationSchema(relation)])),
      ...permissionSchemas(source, {}),
    },
    additionalProperties: false,
  })
  return Object.freeze({
    object: withMessages(validate, source),
    // Only resources with prefix hooks need it.
    completed: (data: unknown) => {
      completed ??= withMessages(compileCheck(source, ajv, [...source.columns.values()]), source)
      if (completed(data)) return null
      const [fault] = completed.errors ?? []
      return `${fault?.instancePath.slice(1) ?? ''}: ${fault?.message ?? 'is not valid'}`
    },
    schema,
    required: Object.freeze(requiredNames(source, auth)),
  })
}

function compileCheck(source: BodySource, ajv: Ajv, columns: readonly Column[]): ValidateFunction {
  const singleKey = source.primaryKey.length === 1
  const paths = pathColumns(source)
  return ajv.compile({
    type: 'object',
    properties: {
      ...Object.fromEntries(
        columns.map((column) => [column.name, validationSchema(column, !singleKey, paths.has(column.name))]),
      ),
      // Their objects are walked, and checked, by the tree that they are part of.
      ...Object.fromEntries([...source.relations.values()].map((relation) => [relation.name, true])),
      ...permissionSchemas(source, { groupPath: true }),
    },
    additionalProperties: false,
  })
}

/** The compiled check with messages that say what to do. */
function withMessages(validate: ValidateFunction, source: BodySource): ValidateFunction {
  const check = (data: unknown): boolean => {
    const valid = validate(data)
    wrapped.errors = valid ? null : (validate.errors ?? []).map((error) => reword(error, source))
    return valid
  }
  const wrapped = Object.assign(check, {
    schema: validate.schema,
    schemaEnv: validate.schemaEnv,
  }) as unknown as ValidateFunction
  return wrapped
}

function reword(error: ErrorObject, source: BodySource): ErrorObject {
  return { ...error, message: message(error, source) }
}

function message(error: ErrorObject, source: BodySource): string {
  const { keyword, params } = error
  const column = source.columns.get(error.instancePath.slice(1))
  switch (keyword) {
    case 'additionalProperties':
      return unknownMessage(String(params['additionalProperty']), source)
    case 'type':
      return typeMessage(params['type'], column)
    case 'enum':
      return `must be one of ${(column?.values ?? []).join(', ')}`
    case 'format':
      return FORMATS[String(params['format'])] ?? 'has a wrong form'
    case 'maxLength':
      return `must be at most ${params['limit']} characters long`
    case 'minLength':
      return params['limit'] === 1
        ? 'must not be empty'
        : `must be at least ${params['limit']} characters long`
    case 'not':
      return 'cannot be a key: it means something else in a path'
    case 'groupPath':
      return 'is no group path: levels of 1 to 100 characters joined by `__`, without `/` and `_` at either end'
    case 'columnPattern':
      return `must match the pattern ${column?.pattern}`
    case 'pattern':
      return column?.type === 'decimal'
        ? decimalMessage(column)
        : `must match the pattern ${params['pattern']}`
    case 'minimum':
    case 'maximum':
    case 'columnRange':
      return rangeMessage(error, column)
    default:
      return error.message ?? 'is not valid'
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  date: 'must be a real date, written YYYY-MM-DD',
  'date-time': 'must be a real date and time with an offset, for instance 2024-05-31T12:00:00Z',
  uuid: 'must be a UUID, written with hyphens',
}

function decimalMessage({ precision, scale }: Column): string {
  return `must be a decimal number as text with at most ${precision} digits, ${scale} of them after the point, for instance "1${
    (scale ?? 0) > 0 ? `.${'0'.repeat(scale ?? 0)}` : ''
  }"`
}

function rangeMessage(error: ErrorObject, column: Column | undefined): string {
  if (error.keyword === 'minimum') return `must be at least ${error.params['limit']}`
  if (error.keyword === 'maximum') return `must be at most ${error.params['limit']}`
  const parts = [
    ...(column?.min == null ? [] : [`at least ${column.min}`]),
    ...(column?.max == null ? [] : [`at most ${column.max}`]),
  ]
  return `must be ${parts.join(' and ')}`
}

function typeMessage(type: unknown, column: Column | undefined): string {
  const types = Array.isArray(type) ? type : [type]
  const nullable = types.includes('null') ? ' or null' : column === undefined ? '' : ', not null'
  const [main] = types
  const named = main === 'integer' || main === 'object' || main === 'array' ? `an ${main}` : `a ${main}`
  return `must be ${named}${column !== undefined && nullable === ', not null' ? '' : nullable}`
}

/** Hidden names are as unknown as any other. */
function unknownMessage(name: string, source: BodySource): string {
  const column = source.columns.get(name)
  return column !== undefined && !column.hidden ? 'is read-only' : `is no field of ${source.name}`
}
