/**
 * Object keys from templates: `{key_salt}_{dataset.name}_{filename}{version}.{extension}`. Whatever the values hold, the key
 * stays in its place: a value cannot add a segment, climb, end up empty or break a header or a policy.
 */
import { createHash } from 'node:crypto'
import type { TraitTarget } from 'biodm'
import { LIMITS as S3 } from './options.js'

export const DEFAULT_TEMPLATE = '{key_salt}_{filename}{version}.{extension}'
/** First segment of what is being uploaded. No key may start with it. */
export const PENDING = '_pending'

/** S3 allows 1 024 bytes; the rest is for the place of a pending upload. */
export const KEY_BYTES = 900
export const SEGMENT_BYTES = 255

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  /** `path` ends with a column; what comes before are to-one relations. */
  | { readonly kind: 'value'; readonly name: string; readonly path: readonly string[] }

/** Values by the placeholder's name; `null` and undefined are empty. */
export type Values = Readonly<Record<string, unknown>>

/** Never shortened: they tell one key from another. */
const FIXED = new Set(['key_salt', 'version', 'extension'])

/** Throws a `SyntaxError` that says what is wrong with the template itself. */
export function parseTemplate(template: string): readonly Piece[] {
  const pieces: Piece[] = []
  let rest = template
  while (rest !== '') {
    const open = rest.indexOf('{')
    const text = open < 0 ? rest : rest.slice(0, open)
    if (text.includes('}')) throw new SyntaxError('has a "}" without its "{"')
    if (text !== '') pieces.push({ kind: 'text', text })
    if (open < 0) break
    const close = rest.indexOf('}', open)
    if (close < 0) throw new SyntaxError('has a "{" without its "}"')
    const name = rest.slice(open + 1, close)
    if (!/^\w+(\.\w+)*$/.test(name)) throw new SyntaxError(`has a malformed placeholder "{${name}}"`)
    pieces.push({ kind: 'value', name, path: name.split('.') })
    rest = rest.slice(close + 1)
  }
  return Object.freeze(pieces)
}

/** Everything wrong with a template for a resource; said at start-up. */
export function templateProblems(template: string, target: TraitTarget): readonly string[] {
  let pieces: readonly Piece[]
  try {
    pieces = parseTemplate(template)
  } catch (error) {
    return [`key "${template}" ${(error as Error).message}`]
  }
  const names = new Set(pieces.flatMap((piece) => (piece.kind === 'value' ? [piece.name] : [])))
  const literal = pieces.map((piece) => (piece.kind === 'text' ? piece.text : 'x')).join('')
  const identifies =
    names.has('key_salt') ||
    (target.primaryKey.length > 0 && target.primaryKey.every((column) => names.has(column)))
  return [
    ...(literal === clean(literal, true) && !/^\/|\/$|\/\/|(^|\/)\.{1,2}(\/|$)/.test(literal)
      ? []
      : [`key "${template}" may not hold $ \\ " or control characters, nor empty, "." or ".." segments`]),
    ...(literal.split('/').every((segment) => Buffer.byteLength(segment) <= SEGMENT_BYTES)
      ? []
      : [`key "${template}" has a segment of more than ${SEGMENT_BYTES} bytes`]),
    ...(literal.split('/')[0] === PENDING ? [`key "${template}" may not start with "${PENDING}/"`] : []),
    ...(identifies
      ? []
      : [`key "${template}" must hold {key_salt} or ${target.primaryKey.map((c) => `{${c}}`).join('')}`]),
    ...[...names].flatMap((name) => placeholderProblem(name, target) ?? []),
  ]
}

function placeholderProblem(name: string, target: TraitTarget): string | null {
  if (name === 'version') return null
  const path = name.split('.')
  let at: TraitTarget = target
  for (const relation of path.slice(0, -1)) {
    const next = at.resource(at.toOne[relation] ?? '')
    if (next === undefined)
      return `key placeholder {${name}}: ${at.name} has no to-one relation "${relation}" (it has: ${list(Object.keys(at.toOne))})`
    at = next
  }
  const column = path.at(-1) ?? ''
  return at.columns.includes(column)
    ? null
    : `key placeholder {${name}}: ${at.name} has no column "${column}" (it has: ${list(at.columns)})`
}

const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

/**
 * The complete key. `prefix` is the operator's and stays as it is; the placeholders in `primaryKey` stay distinct whatever is
 * cleaned and shortened. Throws a `RangeError` when the result is too long although everything that may be shortened was.
 */
export function renderKey(
  pieces: readonly Piece[],
  values: Values,
  prefix: string,
  primaryKey: readonly string[] = [],
): string {
  const plain = plainKey(pieces, values)
  if (plain !== null && prefix.length + plain.length <= KEY_BYTES && isAscii(prefix)) return prefix + plain
  const segments = splitSegments(pieces, values, new Set(primaryKey)).map((segment, index) =>
    fitSegment(segment, index === 0),
  )
  const key = prefix + segments.join('/')
  if (Buffer.byteLength(key) > KEY_BYTES)
    throw new RangeError(
      `the object key would have ${Buffer.byteLength(key)} bytes; ${KEY_BYTES} are allowed`,
    )
  return key
}

/** Values of which nothing is cleaned, in segments of which nothing is shortened or renamed: most names. Null: look closer. */
function plainKey(pieces: readonly Piece[], values: Values): string | null {
  let key = ''
  let held = ''
  for (const piece of pieces) {
    if (piece.kind === 'text') key += piece.text
    else {
      const text = textOf(values[piece.name])
      held += text
      key += text
    }
  }
  if (key.length > SEGMENT_BYTES || !PLAIN_VALUES.test(held) || !PLAIN_KEY.test(key)) return null
  return key.startsWith(PENDING) ? null : key
}

const PLAIN_VALUES = /^[\w.-]*$/
const PLAIN_KEY = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length

interface Fragment {
  readonly text: string
  /** Fixed: never shortened. Free: shortened first. Distinct: what is taken away is made up for by a fingerprint. */
  readonly kind: 'fixed' | 'free' | 'distinct'
  /** The value as it was, to take its fingerprint. */
  readonly given: string
}

function splitSegments(
  pieces: readonly Piece[],
  values: Values,
  keys: ReadonlySet<string>,
): readonly (readonly Fragment[])[] {
  const segments: Fragment[][] = [[]]
  for (const piece of pieces) {
    if (piece.kind === 'value') {
      segments.at(-1)?.push(valueFragment(piece.name, textOf(values[piece.name]), keys.has(piece.name)))
      continue
    }
    for (const [index, text] of piece.text.split('/').entries()) {
      if (index > 0) segments.push([])
      segments.at(-1)?.push({ text, kind: 'fixed', given: text })
    }
  }
  return segments
}

function valueFragment(name: string, given: string, distinct: boolean): Fragment {
  const cleaned = clean(given, false)
  const text = distinct && cleaned !== given ? `${cleaned}${fingerprint(given)}` : cleaned
  return { text, kind: FIXED.has(name) ? 'fixed' : distinct ? 'distinct' : 'free', given }
}

/** Tells apart keys that cleaning or shortening made equal. */
const fingerprint = (text: string): string =>
  `-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
const FINGERPRINT_BYTES = 13

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return value instanceof Date ? value.toISOString() : String(value)
}

/** Separators, quotes, what S3's policies and templates of shells interpret, and control characters become `_`. */
function clean(text: string, keepSlash: boolean): string {
  const cleaned = text.replace(/[\p{Cc}\p{Surrogate}\u2028\u2029\ufeff\\"${}]/gu, '_')
  return keepSlash ? cleaned : cleaned.replaceAll('/', '_')
}

function fitSegment(fragments: readonly Fragment[], first: boolean): string {
  const text = safeName(shorten(fragments), first)
  if (Buffer.byteLength(text) > SEGMENT_BYTES)
    throw new RangeError(`a segment of the object key would have more than ${SEGMENT_BYTES} bytes`)
  return text
}

function safeName(text: string, first: boolean): string {
  if (text === '' || text === '.' || text === '..') return '_'.repeat(Math.max(text.length, 1))
  return first && text === PENDING ? `_${text}` : text
}

/** Takes from the longest fragment that may lose something until the segment fits, from those of primary keys last. */
function shorten(fragments: readonly Fragment[]): string {
  const texts = fragments.map((fragment) => fragment.text)
  if (Buffer.byteLength(texts.join('')) <= SEGMENT_BYTES) return texts.join('')
  for (const kind of ['free', 'distinct'] as const) {
    const longestFirst = fragments
      .map((fragment, index) => ({ ...fragment, index, bytes: Buffer.byteLength(fragment.text) }))
      .filter((fragment) => fragment.kind === kind)
      .sort((a, b) => b.bytes - a.bytes)
    for (const { text, given, index, bytes } of longestFirst) {
      const excess = Buffer.byteLength(texts.join('')) - SEGMENT_BYTES
      if (excess <= 0) return texts.join('')
      if (kind === 'free') texts[index] = truncate(text, bytes - excess)
      else if (bytes > FINGERPRINT_BYTES)
        texts[index] = `${truncate(text, bytes - excess - FINGERPRINT_BYTES)}${fingerprint(given)}`
    }
  }
  return texts.join('')
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** At most `limit` bytes, cut between characters as people see them. */
function truncate(text: string, limit: number): string {
  let size = 0
  let end = 0
  for (const { segment, index } of graphemes.segment(text)) {
    size += Buffer.byteLength(segment)
    if (size > limit) break
    end = index + segment.length
  }
  return text.slice(0, end)
}

/** How a file of `size` bytes is cut: null for a single form. */
export function partSizeOf(
  size: number,
  multipart: { readonly threshold: number; readonly partSize: number; readonly always: boolean },
): number | null {
  if (size <= multipart.threshold && !multipart.always) return null
  // in whole megabytes, so that every part but the last is equal and the number stays within the limit
  const needed = Math.ceil(size / S3.parts / 1024 ** 2) * 1024 ** 2
  return Math.max(multipart.partSize, needed)
}
