/**
 * JSON from bytes. What JSON.parse passes over is found first, in one pass over the bytes: invalid UTF-8, nesting, NUL
 * and lone surrogates, numbers that a double would change. Repeated keys are found by counting: the bytes and the parsed
 * value must hold equally many (spec: Writing).
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { BiodmError } from '../errors.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const LOWER_U = 0x75
/** Above the digits of every number that a double holds exactly, whatever they are. */
const EXACT_LENGTH = 15

/** The value of a JSON text; undefined when there is nothing but white space. Throws 400 `malformed_json`. */
export function parseJson(bytes: Buffer, maxDepth: number): unknown {
  const ascii = isAscii(bytes)
  if (!ascii && !isUtf8(bytes)) throw malformed('it is not valid UTF-8')
  const keys = scan(bytes, maxDepth)
  const text = bytes.toString(ascii ? 'latin1' : 'utf8')
  if (keys === 0 && text.trim() === '') return undefined
  const value = parse(text)
  if (keys > 0 && countKeys(value) !== keys)
    throw malformed(`the key ${repeatedKey(text)} occurs twice in one object`)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw malformed(reason.slice(0, 200))
  }
}

const malformed = (reason: string): BiodmError =>
  new BiodmError('malformed_json', `The body cannot be taken as JSON: ${reason}`)

/** Checks the bytes and counts the keys of all objects. */
function scan(bytes: Buffer, maxDepth: number): number {
  const length = bytes.length
  let depth = 0
  let keys = 0
  let index = 0
  while (index < length) {
    const byte = bytes[index] as number
    if (byte === QUOTE) {
      index = endOfString(bytes, index + 1)
    } else if (byte === COLON) {
      keys += 1
      index += 1
    } else if (byte <= NINE && (byte >= ZERO || byte === MINUS)) {
      index = endOfNumber(bytes, index)
    } else {
      depth += DEPTH[byte] as number
      if (depth > maxDepth) throw malformed(`it is nested more than ${maxDepth} levels deep`)
      index += 1
    }
  }
  return keys
}

/** What a byte does to the depth. */
const DEPTH = new Int8Array(256)
for (const [bracket, step] of [
  ['[', 1],
  ['{', 1],
  [']', -1],
  ['}', -1],
] as const) {
  DEPTH[bracket.charCodeAt(0)] = step
}

/** Position behind the closing quote. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start
  for (;;) {
    const byte = bytes[index]
    if (byte === QUOTE || byte === undefined) return index + 1
    index = byte === BACKSLASH ? endOfEscape(bytes, index) : index + 1
  }
}

/** A character that cannot be stored as it was sent is refused where it is escaped; raw ones are no valid UTF-8. */
function endOfEscape(bytes: Buffer, at: number): number {
  if (bytes[at + 1] !== LOWER_U) return at + 2
  const unit = hex(bytes, at + 2)
  if (unit === 0) throw malformed(`the character U+0000 at byte ${at} cannot be stored`)
  if (unit < 0xd800 || unit > 0xdfff) return at + 6
  const paired = unit < 0xdc00 && bytes[at + 6] === BACKSLASH && bytes[at + 7] === LOWER_U
  const second = paired ? hex(bytes, at + 8) : 0
  if (second < 0xdc00 || second > 0xdfff) {
    throw malformed(`the escape at byte ${at} is half of a surrogate pair`)
  }
  return at + 12
}

/** Four hexadecimal digits, NaN when they are not. */
function hex(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 4)
  return /^[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN
}

/** Position behind the number at `start`. */
function endOfNumber(bytes: Buffer, start: number): number {
  let index = start + 1
  let exponent = false
  for (; ; index += 1) {
    const byte = bytes[index] as number
    if (byte >= ZERO && byte <= NINE) continue
    if ((byte | 0x20) === 0x65) exponent = true
    else if (byte !== MINUS && byte !== 0x2b && byte !== 0x2e) break
  }
  if (exponent || index - start > EXACT_LENGTH) checkNumber(bytes.toString('latin1', start, index))
  return index
}

/** Fractions may have more digits than a double keeps; whole numbers must come back as they were sent. */
function checkNumber(text: string): void {
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return
  const value = Number(text)
  const vanished = value === 0 && digits(text) !== ''
  if (!Number.isFinite(value) || vanished) throw malformed(`the number ${shorten(text)} is out of range`)
  if (Math.abs(value) < 2 ** 53 || digits(text) === digits(String(value))) return
  if (/^-?\d+$/.test(text) && BigInt(text) === BigInt(value)) return
  throw malformed(`the number ${shorten(text)} has more digits than can be kept`)
}

/** Significant digits, without the zeros at either end. */
const digits = (text: string): string =>
  text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '')

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** Keys of all objects in a parsed value; its depth is bounded. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += countKeys(item)
    return count
  }
  const object = value as Readonly<Record<string, unknown>>
  for (const key in object) {
    count += 1
    const item = object[key]
    if (typeof item === 'object') count += countKeys(item)
  }
  return count
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** The first key that its object already has, quoted as sent; the text is valid JSON. */
function repeatedKey(text: string): string {
  const objects: (Set<string> | null)[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') objects.push(new Set())
    else if (token === '[') objects.push(null)
    else if (token === '}' || token === ']') objects.pop()
    else if (token === ':') {
      const keys = objects.at(-1)
      const key: string = JSON.parse(last)
      if (keys?.has(key) === true) return shorten(last)
      keys?.add(key)
    } else last = token
  }
  return 'of some object'
}
