/**
 * The values of columns: which JSON values each type admits, and their canonical form, which is what is stored, compared
 * and returned. Nothing is coerced and nothing is rounded. Shared by bodies, keys in paths and queries.
 */
import type { ColumnType } from '../config/definition.js'
import type { Column } from './model.js'

/** Integers that JSON readers everywhere keep exactly; `bigint` columns take no others. */
export const MAX_BIGINT = Number.MAX_SAFE_INTEGER
export const MAX_INTEGER = 2 ** 31 - 1

type Range = readonly [min: number, max: number]

const BIGINTS: Range = [-MAX_BIGINT, MAX_BIGINT]
const INTEGERS: Range = [-MAX_INTEGER - 1, MAX_INTEGER]

/** Smallest and largest value that an integer type can hold. */
export const typeRange = (type: ColumnType): Range => (type === 'bigint' ? BIGINTS : INTEGERS)

/** Smallest and largest value that an integer column admits. */
export function integerRange(column: Column): Range {
  const [low, limit] = typeRange(column.type)
  return [Math.max(low, Number(column.min ?? low)), Math.min(limit, Number(column.max ?? limit))]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
export const isUuid = (text: string): boolean => UUID.test(text)

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** `2024-02-29`, a real day of the years 0001 to 9999. */
export function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (match === null) return false
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number]
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = DAYS[month - 1]
  return year >= 1 && days !== undefined && day >= 1 && day <= days + (leap ? 1 : 0)
}

const DATETIME =
  /^(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,20})?)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** A date, a time and an offset; also in UTC within the years 0001 to 9999. */
export function isDatetime(text: string): boolean {
  const match = DATETIME.exec(text)
  if (match?.[1] === undefined || !isDate(match[1])) return false
  const year = new Date(instant(text)).getUTCFullYear()
  return year >= 1 && year <= 9999
}

/** Milliseconds since the epoch; finer digits are cut, not rounded. */
const instant = (text: string): number =>
  Date.parse(
    text
      .replace(/(\.\d{3})\d+/, '$1')

      .toUpperCase(),
  )

/** The text form of `decimal(p,s)`: no more digits than it keeps. */
export function decimalPattern(column: Pick<Column, 'precision' | 'scale'>): string {
  const scale = column.scale ?? 0
  const whole = Math.max(0, (column.precision ?? 38) - scale)
  const fraction = scale === 0 ? '' : `(\\.\\d{1,${scale}})?`
  return whole === 0 ? `^-?0${fraction}$` : `^-?0*\\d{1,${whole}}${fraction}$`
}

/**
 * Below, equal or above: decimals by their value, text by code point as both databases sort it, everything else that has an
 * order by `<`. Canonical values only.
 */
export function compareValues(column: Column, a: unknown, b: unknown): number {
  if (a === b) return 0
  if (column.type === 'decimal') return compareDecimals(String(a), String(b))
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return (a as string | number) < (b as string | number) ? -1 : 1
}

/** Compares without a loss: scaled to the same number of digits they are integers. */
function compareDecimals(a: string, b: string): number {
  const scale = Math.max(...[a, b].map((text) => text.split('.')[1]?.length ?? 0))
  const [left, right] = [a, b].map((text) => {
    const [whole = '', fraction = ''] = text.split('.')
    return BigInt(whole + fraction.padEnd(scale, '0'))
  }) as [bigint, bigint]
  return left === right ? 0 : left < right ? -1 : 1
}

type Canonical = (value: unknown, column: Column) => unknown

const FORMS: Partial<Record<ColumnType, Canonical>> = {
  uuid: (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  decimal: (value, column) => (typeof value === 'string' ? decimalText(value, column.scale ?? 0) : value),
  datetime: (value) => {
    const time =
      value instanceof Date ? value.getTime() : typeof value === 'string' ? instant(value) : Number.NaN
    return Number.isNaN(time) ? value : new Date(time).toISOString()
  },
  // A negative zero is kept by one database and not by the other.
  number: (value) => (value === 0 ? 0 : value),
  integer: (value) => (value === 0 ? 0 : value),
  bigint: (value) => (value === 0 ? 0 : value),
}

export function canonical(column: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (column.lowercase && typeof value === 'string') return value.toLowerCase()
  return FORMS[column.type]?.(value, column) ?? value
}

/** `-01.5` with scale 2 → `-1.50`; `-0.00` → `0.00`. */
function decimalText(text: string, scale: number): string {
  const match = /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(text)
  if (match === null) return text
  const [, sign = '', whole = '', fraction = ''] = match
  if (fraction.length > scale && /[1-9]/.test(fraction.slice(scale))) return text
  const digits = fraction.slice(0, scale).padEnd(scale, '0')
  const magnitude = `${whole === '' ? '0' : whole}${scale > 0 ? `.${digits}` : ''}`
  return sign === '-' && /[1-9]/.test(magnitude) ? `-${magnitude}` : magnitude
}

/** Two canonical values are the same: JSON columns by structure, everything else by identity. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  const right = new Map(Object.entries(b))
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && sameValue(value, right.get(key)))
  )
}
