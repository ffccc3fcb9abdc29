/** Values in a query: text → typed, canonical values of a column, and wildcard patterns. */
import type { ColumnType } from '../../config/definition.js'
import type { Column } from '../../model/model.js'
import {
  canonical,
  decimalPattern,
  isDate,
  isDatetime,
  isUuid,
  MAX_BIGINT,
  MAX_INTEGER,
} from '../../model/values.js'
import type { Scalar } from '../plan.js'
import { bad } from './problems.js'

/** What a query may do with the columns of a type. */
export interface Filterable {
  readonly equals: boolean
  readonly wildcards: boolean
  /** `lt le gt ge`. */
  readonly order: boolean
  readonly sort: boolean
  /** `min max min_a max_a`. */
  readonly extremes: boolean
}

const NUMBERS: Filterable = { equals: true, wildcards: false, order: true, sort: true, extremes: true }
const TEXTS: Filterable = { equals: true, wildcards: true, order: false, sort: true, extremes: true }
const NAMES: Filterable = { equals: true, wildcards: false, order: false, sort: true, extremes: false }

export const FILTERABLE: Readonly<Record<ColumnType, Filterable>> = Object.freeze({
  serial: NUMBERS,
  integer: NUMBERS,
  bigint: NUMBERS,
  number: NUMBERS,
  decimal: NUMBERS,
  date: NUMBERS,
  datetime: NUMBERS,
  string: TEXTS,
  text: TEXTS,
  boolean: NAMES,
  uuid: NAMES,
  enum: NAMES,
  json: { equals: false, wildcards: false, order: false, sort: false, extremes: false },
})

/** One alternative of `name=a,b*`: the literal pieces between its wildcards; one piece: no wildcard. */
export type Alternative = readonly string[]

/** Splits at commas and wildcards; `\,` `\*` `\\` stand for the characters themselves. */
export function alternatives(text: string): readonly Alternative[] {
  const found: string[][] = [['']]
  let pieces = found[0] as string[]
  for (let position = 0; position < text.length; position++) {
    const character = text[position] as string
    if (character === ',') {
      pieces = ['']
      found.push(pieces)
    } else if (character === '*') pieces.push('')
    else if (character === '\\') {
      position += 1
      pieces[pieces.length - 1] += escaped(text[position])
    } else pieces[pieces.length - 1] += character
  }
  return found
}

function escaped(character: string | undefined): string {
  if (character !== undefined && '\\,*'.includes(character)) return character
  throw bad('a backslash escapes `,` `*` or `\\` only', 'write `\\\\` for a backslash')
}

/** The one value of `gt(…)` or `ne(…)`. */
export function singleValue(column: Column, text: string): Scalar {
  const [alternative, second] = alternatives(text)
  if (second !== undefined) throw bad('takes one value', 'write `\\,` for a comma')
  if (alternative === undefined || alternative.length > 1)
    throw bad('takes no wildcard', 'write `\\*` for an asterisk')
  return typedValue(column, alternative[0] ?? '')
}

type Parse = (text: string, column: Column) => Scalar

const integer =
  (limit: number): Parse =>
  (text) => {
    if (!/^-?\d{1,400}$/.test(text)) throw bad(`${shown(text)} is not an integer`)
    const value = Number(text)
    if (value > limit || value < -limit - (limit === MAX_INTEGER ? 1 : 0))
      throw bad(`${shown(text)} is out of range`)
    return value
  }

const PARSE: Readonly<Record<ColumnType, Parse>> = {
  serial: integer(MAX_INTEGER),
  integer: integer(MAX_INTEGER),
  bigint: integer(MAX_BIGINT),
  number: (text) => {
    if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw bad(`${shown(text)} is not a number`)
    const value = Number(text)
    if (!Number.isFinite(value)) throw bad(`${shown(text)} is out of range`)
    return value
  },
  decimal: (text, column) => {
    if (!/^-?\d+(\.\d+)?$/.test(text)) throw bad(`${shown(text)} is not a decimal number`)
    if (!new RegExp(decimalPattern(column)).test(text)) {
      throw bad(
        `${shown(text)} is out of range`,
        `\`${column.name}\` is decimal(${column.precision},${column.scale})`,
      )
    }
    return text
  },
  string: (text) => text,
  text: (text) => text,
  boolean: (text) => {
    const lower = text.toLowerCase()
    if (lower !== 'true' && lower !== 'false') throw bad(`${shown(text)} is neither \`true\` nor \`false\``)
    return lower === 'true'
  },
  date: (text) => {
    if (!isDate(text)) throw bad(`${shown(text)} is not a date`, 'write it as 2024-02-29')
    return text
  },
  datetime: (text) => {
    if (!isDatetime(text)) throw bad(`${shown(text)} is not a datetime`, datetimeHint(text))
    return text
  },
  uuid: (text) => {
    if (!isUuid(text)) throw bad(`${shown(text)} is not a uuid`)
    return text
  },
  enum: (text, column) => {
    const values = column.values ?? []
    if (values.includes(text)) return text
    const listed = values.slice(0, 10).map((value) => `\`${value}\``)
    throw bad(`${shown(text)} is no value of \`${column.name}\``, `values are ${listed.join(', ')}`)
  },
  json: (_text, column) => {
    throw bad(`\`${column.name}\` is json and has no order or equality`, 'use `null()` or `not_null()`')
  },
}

function datetimeHint(text: string): string {
  if (/ \d\d:\d\d$/.test(text)) return 'write the `+` of an offset as `%2B`'
  return 'write a date, a time and an offset: 2024-02-29T12:00:00Z'
}

/** The canonical value; throws `BadParameter` for text that is none of the column's type. */
export function typedValue(column: Column, text: string): Scalar {
  return canonical(column, PARSE[column.type](text, column)) as Scalar
}

function shown(text: string): string {
  return text === '' ? 'an empty value' : `\`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``
}
