/** Column types: their names on each database, and which change of type keeps every value. */
import type { DialectName } from '../../config/definition.js'

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

/** A shorter text, told from other lossy changes because a cast would cut the values silently. */
export const narrowedLength = (from: string, to: string): number | undefined =>
  from === 'text' || lengthOf(from) !== undefined ? lengthOf(to) : undefined
