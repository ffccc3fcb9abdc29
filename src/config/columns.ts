/** Columns: short form `string(50)!` and long form → `ColumnDefinition`. */
import { COLUMN_TYPES, type ColumnDefault, type ColumnDefinition, type ColumnType } from './definition.js'
import type { RawColumn } from './raw.js'
import { closest } from './suggest.js'
import { entry } from './tables.js'

/** A fault of one column: `key` is the key of the long form that is to blame, null for the column as a whole. */
export interface ColumnFault {
  readonly key: string | null
  readonly message: string
  readonly hint?: string | null
}

interface TypeParts {
  readonly type: ColumnType
  readonly numbers: readonly number[]
  readonly required: boolean
}

const TYPE_TEXT = /^([a-z]+)(?:\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\))?(!?)$/

/** How many numbers may stand in parentheses after a type; the others take none. */
const TYPE_NUMBERS: Readonly<Partial<Record<ColumnType, readonly number[]>>> = {
  string: [0, 1],
  decimal: [2],
}

/** `decimal(10,2)!` → its parts, or a fault. */
function parseType(text: string): TypeParts | ColumnFault {
  const match = TYPE_TEXT.exec(text.trim())
  const name = match?.[1] ?? /^[A-Za-z]*/.exec(text.trim())?.[0] ?? ''
  if (match === null || !isColumnType(name)) {
    if (isColumnType(name))
      return { key: 'type', message: `\`${text}\` is not a column type`, hint: FORM_HINT[name] ?? null }
    return { key: 'type', message: `unknown column type \`${text}\``, hint: typeHint(name) }
  }
  const numbers = [match[2], match[3]].filter((part) => part !== undefined).map(Number)
  if (!(TYPE_NUMBERS[name] ?? [0]).includes(numbers.length)) {
    return {
      key: 'type',
      message: `\`${text}\` is not a column type`,
      hint: FORM_HINT[name] ?? `write \`${name}\``,
    }
  }
  return { type: name, numbers, required: match[4] === '!' }
}

const FORM_HINT: Readonly<Record<string, string>> = {
  decimal: 'write "decimal(precision,scale)", for instance "decimal(10,2)"',
  string: 'write `string` or `string(max)`, for instance `string(50)`',
}

/** Names that people bring along from elsewhere. */
const FOREIGN_NAMES: Readonly<Record<string, ColumnType>> = {
  int: 'integer',
  varchar: 'string',
  char: 'string',
  bool: 'boolean',
  float: 'number',
  double: 'number',
  real: 'number',
  numeric: 'decimal',
  timestamp: 'datetime',
  timestamptz: 'datetime',
  jsonb: 'json',
  autoincrement: 'serial',
  long: 'bigint',
}

function typeHint(name: string): string {
  const guess = entry(FOREIGN_NAMES, name.toLowerCase()) ?? closest(name, COLUMN_TYPES)
  return guess === null ? `types are ${COLUMN_TYPES.join(', ')}` : `did you mean \`${guess}\`?`
}

function isColumnType(name: string): name is ColumnType {
  return COLUMN_TYPES.some((type) => type === name)
}

/** Either form → the definition, or the faults of it. */
export function parseColumn(
  name: string,
  raw: RawColumn | string,
): ColumnDefinition | readonly ColumnFault[] {
  const long: RawColumn = typeof raw === 'string' ? { type: raw } : raw
  const parts = parseType(long.type)
  if ('message' in parts) return [typeof raw === 'string' ? { ...parts, key: null } : parts]
  const given = defaultOf(parts.type, long.default)
  return {
    name,
    ...sizes(parts, long),
    ...flags(parts, long),
    default: given,
    pattern: long.pattern ?? null,
    readonly: long.readonly === true || given?.kind === 'user',
    description: long.description ?? null,
    renamedFrom: long.renamed_from ?? null,
    role: 'data',
  }
}

function flags(parts: TypeParts, long: RawColumn) {
  const serial = parts.type === 'serial'
  const primary = long.primary ?? serial
  return {
    primary,
    generated: serial || long.generated === true,
    required: primary || parts.required || long.required === true,
    unique: long.unique === true && !primary,
    index: long.index === true,
    hidden: long.hidden === true,
    virtual: long.virtual === true,
    lowercase: false,
  }
}

function sizes(parts: TypeParts, long: RawColumn) {
  const { type } = parts
  const [precision = null, scale = null] = type === 'decimal' ? parts.numbers : []
  return {
    type,
    length: lengthOf(parts, long),
    precision,
    scale,
    min: long.min ?? null,
    max: isText(type) ? null : (long.max ?? null),
    values: type === 'enum' ? [...(long.values ?? [])] : null,
  }
}

const isText = (type: ColumnType): boolean => type === 'string' || type === 'text'

function lengthOf(parts: TypeParts, long: RawColumn): number | null {
  if (!isText(parts.type)) return null
  return parts.numbers[0] ?? (typeof long.max === 'number' ? long.max : null)
}

/** Words that are no literals, by the types they make sense for. */
const NAMED_DEFAULTS: Readonly<Partial<Record<ColumnType, readonly ('now' | 'uuid' | 'user')[]>>> = {
  date: ['now'],
  datetime: ['now'],
  uuid: ['uuid'],
  string: ['uuid', 'user'],
  text: ['uuid', 'user'],
}

function defaultOf(type: ColumnType, value: unknown): ColumnDefault | null {
  if (value === undefined || value === null) return null
  const named = NAMED_DEFAULTS[type]?.find((word) => word === value)
  return named === undefined ? { kind: 'literal', value } : { kind: named }
}

/** The columns that `versioned` adds. */
export const VERSION_COLUMN: ColumnDefinition = bare('version', {
  type: 'integer',
  primary: true,
  required: true,
  default: { kind: 'literal', value: 1 },
  min: 1,
  role: 'version',
})
export const LATEST_COLUMN: ColumnDefinition = bare('is_latest', {
  type: 'boolean',
  required: true,
  readonly: true,
  default: { kind: 'literal', value: true },
  role: 'latest',
})
/** The key of a resource without a `primary` column. */
export const ID_COLUMN: ColumnDefinition = bare('id', {
  type: 'serial',
  primary: true,
  required: true,
  generated: true,
})

/** A column with nothing but what `given` says. */
export function bare(
  name: string,
  given: Partial<ColumnDefinition> & { readonly type: ColumnType },
): ColumnDefinition {
  return {
    name,
    length: null,
    precision: null,
    scale: null,
    primary: false,
    generated: false,
    required: false,
    unique: false,
    index: false,
    default: null,
    min: null,
    max: null,
    pattern: null,
    values: null,
    readonly: false,
    hidden: false,
    virtual: false,
    lowercase: false,
    description: null,
    renamedFrom: null,
    role: 'data',
    ...given,
  }
}
