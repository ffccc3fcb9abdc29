/** `{id}` of a path: primary-key values in declaration order, `version` last, joined by `_` (spec: Routes). */
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import type { Column, Resource } from '../model/model.js'
import { canonical, decimalPattern, isDate, isDatetime, isUuid, typeRange } from '../model/values.js'

type Parse = (text: string, column: Column) => unknown

const INTEGER = /^(0|-?[1-9]\d{0,15})$/

const integer: Parse = (text, column) => {
  const [min, max] = typeRange(column.type)
  const value = INTEGER.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}
const text: Parse = (value) => (value === '' || value.includes('\0') ? undefined : value)

/** A value of the column's type, or undefined. */
const PARSERS: Readonly<Record<Column['type'], Parse>> = {
  serial: integer,
  integer,
  bigint: integer,
  number: (value) =>
    String(Number(value)) === value && Number.isFinite(Number(value)) ? Number(value) : undefined,
  decimal: (value, column) => (new RegExp(decimalPattern(column)).test(value) ? value : undefined),
  string: text,
  text,
  boolean: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
  date: (value) => (isDate(value) ? value : undefined),
  datetime: (value) => (isDatetime(value) ? value : undefined),
  uuid: (value) => (isUuid(value) ? value : undefined),
  json: () => undefined,
  enum: (value, column) => (column.values?.includes(value) === true ? value : undefined),
}

/** The key that `id` (percent-decoded) names; 400 `invalid_id` when it names none, or more than one. */
export function parseKey(resource: Resource, id: string): Key {
  const columns = resource.primaryKey
  const [only, second] = columns
  if (only === undefined) throw new Error(`resource ${resource.name} has no primary key`)
  if (second === undefined) {
    const value = PARSERS[only.type](id, only)
    if (value === undefined) throw invalid(resource, id)
    return { [only.name]: canonical(only, value) }
  }
  const [found, another] = splits(columns, id)
  if (found === undefined) throw invalid(resource, id)
  if (another !== undefined) {
    throw new BiodmError(
      'invalid_id',
      `"${shown(id)}" can be read as more than one key of ${resource.name}: filter the collection instead`,
    )
  }
  return Object.fromEntries(columns.map((column, index) => [column.name, canonical(column, found[index])]))
}

const MAX_LENGTH = 1_000
const MAX_SEPARATORS = 64

/** Up to two ways to split `id` into values of the columns. */
function splits(columns: readonly Column[], id: string): readonly (readonly unknown[])[] {
  const parts = id.split('_')
  if (id.length > MAX_LENGTH || parts.length > MAX_SEPARATORS) return []
  return tails(columns, parts, 0, 0, new Map())
}

/** Up to two ways to read `parts` from position `from` on as the columns from `index` on; `known` remembers them. */
function tails(
  columns: readonly Column[],
  parts: readonly string[],
  index: number,
  from: number,
  known: Map<number, readonly (readonly unknown[])[]>,
): readonly (readonly unknown[])[] {
  const column = columns[index]
  if (column === undefined) return from === parts.length ? [[]] : []
  const state = index * (MAX_SEPARATORS + 1) + from
  const before = known.get(state)
  if (before !== undefined) return before
  const found: (readonly unknown[])[] = []
  const lastEnd = parts.length - (columns.length - index - 1)
  for (let end = from + 1; end <= lastEnd && found.length < 2; end += 1) {
    const value = PARSERS[column.type](parts.slice(from, end).join('_'), column)
    if (value === undefined) continue
    found.push(...tails(columns, parts, index + 1, end, known).map((rest) => [value, ...rest]))
  }
  known.set(state, found.slice(0, 2))
  return found.slice(0, 2)
}

function invalid(resource: Resource, id: string): BiodmError {
  const form = resource.primaryKey.map((column) => `${column.name} (${column.type})`).join(' _ ')
  return new BiodmError('invalid_id', `"${shown(id)}" is no key of ${resource.name}, which is ${form}`)
}

const shown = (id: string): string => (id.length > 80 ? `${id.slice(0, 80)}…` : id)
