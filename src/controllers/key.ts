/** `{id}` of a path: primary-key values in declaration order, `version` last, joined by `_` (spec: Routes). */
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import type { Column, Resource } from '../model/model.js'
import { canonical, decimalPattern, integerRange, isDate, isDatetime, isUuid } from '../model/values.js'

type Parse = (text: string, column: Column) => unknown

const INTEGER = /^(0|-?[1-9]\d{0,15})$/
const BARE_UUID = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i

const integer: Parse = (text, column) => {
  const [min, max] = integerRange({ ...column, min: null, max: null })
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
  uuid: (value) => {
    const hyphenated = value.replace(BARE_UUID, '$1-$2-$3-$4-$5')
    return isUuid(hyphenated) ? hyphenated : undefined
  },
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
  const found: (readonly unknown[])[] = []
  const dead = new Set<number>()
  const visit = (index: number, from: number, values: readonly unknown[]): boolean => {
    const column = columns[index]
    if (column === undefined) {
      if (from === parts.length) found.push(values)
      return from === parts.length
    }
    const state = index * (MAX_SEPARATORS + 1) + from
    if (dead.has(state)) return false
    let alive = false
    const last = index === columns.length - 1
    const spare = columns.length - index - 1
    for (
      let end = last ? parts.length : from + 1;
      end <= parts.length - spare && found.length < 2;
      end += 1
    ) {
      const value = PARSERS[column.type](parts.slice(from, end).join('_'), column)
      if (value !== undefined && visit(index + 1, end, [...values, value])) alive = true
    }
    if (!alive) dead.add(state)
    return alive
  }
  visit(0, 0, [])
  return found
}

function invalid(resource: Resource, id: string): BiodmError {
  const form = resource.primaryKey.map((column) => `${column.name} (${column.type})`).join(' _ ')
  return new BiodmError('invalid_id', `"${shown(id)}" is no key of ${resource.name}, which is ${form}`)
}

const shown = (id: string): string => (id.length > 80 ? `${id.slice(0, 80)}…` : id)
