/** Whether a value written in a configuration (default, bound) is one that the column could hold. */
import type { ColumnDefinition, ColumnType } from '../definition.js'

/** Why `value` does not fit, or null. */
export function literalFault(column: ColumnDefinition, value: unknown): string | null {
  return LITERALS[column.type](value, column) ?? boundFault(column, value)
}

type Literal = (value: unknown, column: ColumnDefinition) => string | null

const shown = (value: unknown): string => (typeof value === 'object' ? 'this' : `\`${String(value)}\``)

const whole =
  (limit: number): Literal =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= limit
      ? null
      : `${shown(value)} is not a whole number within ±${limit}`

const text: Literal = (value, { length, pattern, min }) => {
  if (typeof value !== 'string') return `${shown(value)} is not text`
  const count = [...value].length
  if (length !== null && count > length) return `longer than ${length} characters`
  if (typeof min === 'number' && count < min) return `shorter than ${min} characters`
  if (pattern === null) return null
  return safely(() => new RegExp(pattern, 'u').test(value)) === false ? 'it does not match the pattern' : null
}

const matching =
  (form: RegExp, name: string, valid: (text: string) => boolean = () => true): Literal =>
  (value) =>
    typeof value === 'string' && form.test(value) && valid(value) ? null : `${shown(value)} is not ${name}`

const isDay = (text: string): boolean => {
  const time = Date.parse(`${text.slice(0, 10)}T00:00:00Z`)
  return (
    !Number.isNaN(time) &&
    new Date(time).toISOString().startsWith(text.slice(0, 10)) &&
    !text.startsWith('0000')
  )
}
const isMoment = (text: string): boolean => isDay(text) && !Number.isNaN(Date.parse(text))

const decimal: Literal = (value, { precision, scale }) => {
  if (typeof value !== 'string' && typeof value !== 'number') return `${shown(value)} is not a decimal number`
  const digits = /^-?(\d+)(?:\.(\d+))?$/.exec(String(value))
  if (digits === null) return `${shown(value)} is not a decimal number`
  const before = (digits[1] ?? '').replace(/^0+/, '').length
  const after = (digits[2] ?? '').length
  const fits = after <= (scale ?? 0) && before <= (precision ?? 0) - (scale ?? 0)
  return fits ? null : `${shown(value)} does not fit decimal(${precision},${scale})`
}

const LITERALS: Readonly<Record<ColumnType, Literal>> = {
  serial: whole(2 ** 31 - 1),
  integer: whole(2 ** 31 - 1),
  bigint: whole(Number.MAX_SAFE_INTEGER),
  number: (value) => (typeof value === 'number' ? null : `${shown(value)} is not a number`),
  decimal,
  string: text,
  text,
  boolean: (value) => (typeof value === 'boolean' ? null : `${shown(value)} is neither true nor false`),
  date: matching(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2026-01-31', isDay),
  datetime: matching(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/,
    'a moment such as 2026-01-31T12:00:00Z',
    isMoment,
  ),
  uuid: matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a uuid'),
  json: () => null,
  enum: (value, { values }) =>
    typeof value === 'string' && (values ?? []).includes(value)
      ? null
      : `${shown(value)} is not one of its values`,
}

function boundFault({ type, min, max }: ColumnDefinition, value: unknown): string | null {
  if (type === 'string' || type === 'text') return null
  const number = comparable(value)
  if (min !== null && number < comparable(min)) return `less than ${min}`
  return max !== null && number > comparable(max) ? `greater than ${max}` : null
}

/** NaN compares with nothing. */
function comparable(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value !== 'string' ? Number.NaN : /^-?[\d.]+$/.test(value) ? Number(value) : Date.parse(value)
}

function safely<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}
