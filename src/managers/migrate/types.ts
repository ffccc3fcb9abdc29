/** Column types: their names on each database, and which change of type keeps every value. */
import type { DialectName } from '../../config/definition.js'
import { decimalPattern, isDate, isDatetime, isUuid, MAX_BIGINT, MAX_INTEGER } from '../../model/values.js'

const POSTGRES: Readonly<Record<string, string>> = {
  integer: 'integer',
  bigint: 'bigint',
  number: 'double precision',
  text: 'text COLLATE "C"',
  boolean: 'boolean',
  date: 'date',
  datetime: 'timestamp with time zone',
  uuid: 'uuid',
  json: 'jsonb',
}

const SQLITE: Readonly<Record<string, string>> = {
  integer: 'INTEGER',
  bigint: 'INTEGER',
  number: 'REAL',
  boolean: 'INTEGER',
}

const lengthOf = (type: string): number | undefined => {
  const match = /^string\((\d+)\)$/.exec(type)
  return match === null ? undefined : Number(match[1])
}

const digitsOf = (type: string): readonly [precision: number, scale: number] | undefined => {
  const match = /^decimal\((\d+),(\d+)\)$/.exec(type)
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

/** `string(50)` → `character varying(50) COLLATE "C"` or `TEXT`. */
export function sqlType(dialect: DialectName, type: string): string {
  if (type.startsWith('sql:')) return type.slice('sql:'.length)
  if (dialect === 'sqlite') return SQLITE[type] ?? 'TEXT'
  const length = lengthOf(type)
  if (length !== undefined) return `character varying(${length}) COLLATE "C"`
  const digits = digitsOf(type)
  if (digits !== undefined) return `numeric(${digits.join(',')})`
  return POSTGRES[type] ?? 'text COLLATE "C"'
}

/** Every value of `from` is one of `to`, in the same JSON form. */
export function isWidening(from: string, to: string): boolean {
  const [length, room] = [lengthOf(from), lengthOf(to)]
  if (length !== undefined) return to === 'text' || (room !== undefined && room >= length)
  const [digits, places] = [digitsOf(from), digitsOf(to)]
  if (digits !== undefined && places !== undefined) {
    return places[1] >= digits[1] && places[0] - places[1] >= digits[0] - digits[1]
  }
  return from === 'integer' && (to === 'bigint' || to === 'number')
}

const isNumeric = (type: string): boolean =>
  type === 'integer' || type === 'bigint' || type === 'number' || digitsOf(type) !== undefined

/** PostgreSQL: which numbers a cast to `to` would round, cut or not take. Undefined: none, or the cast itself refuses. */
export function unfitNumbers(from: string, to: string, column: string): string | undefined {
  if (!isNumeric(from)) return undefined
  const value = `${column}::numeric`
  if (to === 'boolean') return `${value} NOT IN (0, 1)`
  if (to === 'integer')
    return `${value} <> trunc(${value}) OR ${value} NOT BETWEEN ${-MAX_INTEGER - 1} AND ${MAX_INTEGER}`
  if (to === 'bigint')
    return `${value} <> trunc(${value}) OR ${value} NOT BETWEEN ${-MAX_BIGINT} AND ${MAX_BIGINT}`
  const digits = digitsOf(to)
  if (digits === undefined) return undefined
  const [precision, scale] = digits
  return `${value} <> round(${value}, ${scale}) OR abs(${value}) >= 10::numeric ^ ${precision - scale}`
}

/** SQLite has nothing to change: the values are stored alike already. */
export function isStoredAlike(from: string, to: string): boolean {
  const [digits, places] = [digitsOf(from), digitsOf(to)]
  const padded = digits !== undefined && places !== undefined && digits[1] !== places[1]
  return sqlType('sqlite', from) === sqlType('sqlite', to) && isWidening(from, to) && !padded
}

/** SQL that makes a value of `from` one of `to`; what does not fit is left as it is. `column` is quoted. */
export function conversion(dialect: DialectName, from: string, to: string, column: string): string {
  const special = CONVERSIONS[`${from} ${to}`]?.[dialect]
  if (special !== undefined) return special(column)
  if (dialect === 'postgres') return `${column}::${sqlType('postgres', to)}`
  const [digits, places] = [digitsOf(from), digitsOf(to)]
  if (digits !== undefined && places !== undefined && places[1] > digits[1]) {
    return `${column} || '${digits[1] === 0 ? '.' : ''}${'0'.repeat(places[1] - digits[1])}'`
  }
  if (sqlType('sqlite', from) === 'REAL' && sqlType('sqlite', to) === 'TEXT')
    return `biodm_number_text(${column})`
  return `CAST(${column} AS ${sqlType('sqlite', to)})`
}

const CONVERSIONS: Readonly<Record<string, Readonly<Record<DialectName, (column: string) => string>>>> = {
  'date datetime': {
    postgres: (column) => `${column}::timestamp AT TIME ZONE 'UTC'`,
    sqlite: (column) => `${column} || 'T00:00:00.000Z'`,
  },
  'datetime date': {
    postgres: (column) => `(${column} AT TIME ZONE 'UTC')::date`,
    sqlite: (column) => `substr(${column}, 1, 10)`,
  },
  'boolean text': {
    postgres: (column) => `${column}::text`,
    sqlite: (column) => `CASE ${column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END`,
  },
}

/** Whether a value is one of the type: asked of SQLite's values, whose casts refuse nothing. */
export function isOfType(type: string, value: unknown): boolean {
  const length = lengthOf(type)
  if (length !== undefined) return [...String(value)].length <= length
  const digits = digitsOf(type)
  if (digits !== undefined) {
    const [precision, scale] = digits
    return new RegExp(decimalPattern({ precision, scale })).test(String(value))
  }
  return CHECKS[type]?.(String(value)) ?? true
}

const isWhole = (text: string, limit: number): boolean =>
  /^-?\d{1,16}(\.0+)?$/.test(text) && Math.abs(Number(text)) <= limit

const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  integer: (text) => isWhole(text, MAX_INTEGER),
  bigint: (text) => isWhole(text, MAX_BIGINT),
  number: (text) => text.trim() !== '' && Number.isFinite(Number(text)),
  boolean: (text) => text === '0' || text === '1',
  date: isDate,
  datetime: (text) => isDatetime(text) && new Date(text).toISOString() === text,
  uuid: (text) => isUuid(text) && text === text.toLowerCase(),
  json: (text) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  },
}

/** A shorter text, told from other lossy changes because a cast would cut the values silently. */
export const narrowedLength = (from: string, to: string): number | undefined =>
  from === 'text' || lengthOf(from) !== undefined ? lengthOf(to) : undefined
