/**
 * Which types of columns that others made can serve a declared type: every value that the declared one allows can be
 * stored and compared, and comes back as it was, or is refused for its size. Lengths are the database's business.
 */

/** `declared` as a migration would record it (`string(50)`), `found` as the database names it. */
export type Fit = (declared: string, found: string) => boolean

/** `decimal(10,2)` → `decimal`. */
const kindOf = (declared: string): string => declared.replace(/\(.*$/, '')

const INTEGER = /^(smallint|integer|bigint)$/
/** Stands for all types of PostgreSQL's string category. */
const TEXT = /^text$/

const POSTGRES: Readonly<Record<string, RegExp>> = {
  integer: INTEGER,
  bigint: INTEGER,
  // Others would round.
  number: /^double precision$/,
  decimal: /^numeric$/,
  string: TEXT,
  text: TEXT,
  boolean: /^boolean$/,
  date: /^date$/,
  datetime: /^timestamp(\([3-6]\))? with(out)? time zone$/,
  uuid: /^uuid$/,
  json: /^jsonb?$/,
}

export const fitsPostgres: Fit = (declared, found) => {
  if (POSTGRES[kindOf(declared)]?.test(found) === true) return true
  const scale = /^decimal(\(\d+,\d+\))$/.exec(declared)?.[1]?.replace(/\d+,/, '')
  return scale !== undefined && /^numeric(\(\d+,\d+\))$/.exec(found)?.[1]?.replace(/\d+,/, '') === scale
}

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/** SQLite's own rules, in its order: a name without any of these words is NUMERIC (`DATE`, `BOOLEAN`, `DECIMAL(10,2)`). */
const AFFINITIES: readonly (readonly [words: RegExp, affinity: Affinity])[] = [
  [/INT/i, 'INTEGER'],
  [/CHAR|CLOB|TEXT/i, 'TEXT'],
  [/^$|BLOB|^ANY$/i, 'BLOB'],
  [/REAL|FLOA|DOUB/i, 'REAL'],
]

/** A BLOB affinity changes nothing: columns without a type, expressions of views. */
const COUNTED: readonly Affinity[] = ['INTEGER', 'NUMERIC', 'BLOB']
/** `007` and `1.50` would not come back from a column that makes numbers of what looks like one. */
const SPELT: readonly Affinity[] = ['TEXT', 'BLOB']
/** Texts that never look like a number. */
const FORMED: readonly Affinity[] = ['TEXT', 'NUMERIC', 'BLOB']

const SQLITE: Readonly<Record<string, readonly Affinity[]>> = {
  integer: COUNTED,
  bigint: COUNTED,
  number: [...COUNTED, 'REAL'],
  decimal: SPELT,
  string: SPELT,
  text: SPELT,
  boolean: COUNTED,
  date: FORMED,
  datetime: FORMED,
  uuid: FORMED,
  json: FORMED,
}

export const fitsSqlite: Fit = (declared, found) => {
  const affinity = AFFINITIES.find(([words]) => words.test(found))?.[1] ?? 'NUMERIC'
  return SQLITE[kindOf(declared)]?.includes(affinity) ?? false
}
