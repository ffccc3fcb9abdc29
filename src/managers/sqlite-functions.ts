/**
 * SQL functions that SQLite lacks. All are deterministic, and null for null:
 *   biodm_matches(text, pieces)   1 when the text fits the wildcard pattern, `pieces` being a JSON array of literal parts
 *   biodm_decimal_key(text)       sorts as the decimal number does
 *   biodm_number_text(real)       the shortest JSON number that reads back as the same double
 */
import type Sqlite from 'better-sqlite3'
import { BiodmError } from '../errors.js'
import { foldCase, matchesPieces } from './case-folding.js'

/** A JS function is the only place in which a running statement can be stopped. */
export interface Clock {
  deadline: number
}

const CHECK_EVERY = 256
const MAX_PATTERNS = 100

export function registerFunctions(db: Sqlite.Database, clock: Clock): void {
  let calls = 0
  const checkTime = () => {
    if (++calls % CHECK_EVERY === 0 && performance.now() > clock.deadline) throw new BiodmError('timeout')
  }
  const patterns = new Map<string, readonly string[]>()
  const piecesOf = (json: string): readonly string[] => {
    const known = patterns.get(json)
    if (known !== undefined) return known
    const pieces = (JSON.parse(json) as string[]).map(foldCase)
    if (patterns.size >= MAX_PATTERNS) patterns.clear()
    patterns.set(json, pieces)
    return pieces
  }
  const define = (name: string, run: (...values: never[]) => unknown) =>
    db.function(name, { deterministic: true }, run as (...values: unknown[]) => unknown)

  define('biodm_matches', (text: string | null, pieces: string | null) => {
    checkTime()
    if (text === null || pieces === null) return null
    return matchesPieces(String(text), piecesOf(pieces)) ? 1 : 0
  })
  define('biodm_decimal_key', (text: string | null) => {
    checkTime()
    return text === null ? null : decimalKey(String(text))
  })
  define('biodm_number_text', (value: number | null) => (value === null ? null : String(value)))
}

const DIGITS_OF_LENGTH = 4

/**
 * Text that sorts as the number does: sign, then the length of the whole part, then the digits; of a negative number each
 * digit complemented, so that the smaller comes first.
 */
export function decimalKey(decimal: string): string {
  const negative = decimal.startsWith('-')
  const [whole = '0', fraction = ''] = decimal.replace(/^[+-]/, '').split('.')
  const digits = whole.replace(/^0+(?=\d)/, '')
  const tail = fraction.replace(/0+$/, '')
  if (/^0?$/.test(digits) && tail === '') return '1'
  const significant = digits === '0' ? '' : digits
  const body = `${String(significant.length).padStart(DIGITS_OF_LENGTH, '0')}${significant}.${tail}`
  if (!negative) return `2${body}`
  // '~' ends a negative key: of two where one continues the other, the longer is the smaller number.
  return `0${body.replace(/\d/g, (digit) => String(9 - Number(digit)))}~`
}
