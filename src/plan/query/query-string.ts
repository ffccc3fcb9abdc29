/**
 * The query string, taken apart: percent-decoded strictly, `q=` merged in, operators told from values. What the names
 * mean is not known here.
 */
import type { Limits } from '../../config/definition.js'
import { BiodmError } from '../../errors.js'
import { bad, type QueryProblems } from './problems.js'

export interface Parameter {
  /** As the client wrote it, decoded: for errors. */
  readonly sent: string
  /** `name`, `project.name`, `size`: without the operator. */
  readonly path: string
  /** `gt` of `size.gt(10)`; null: `path=value`. */
  readonly operator: string | null
  /** What stands in the parentheses, or behind the `=`. */
  readonly argument: string
}

const CALL = /^(.*?)\.([A-Za-z_]+)\((.*)\)$/s

/**
 * All parameters in the order sent. `URLSearchParams` forms are understood: `+` is a space, an operator may be followed by
 * `=`. Throws 414 for a query that is too long; other faults are noted in `problems`.
 */
export function parseQueryString(
  raw: string,
  limits: Pick<Limits, 'query'>,
  problems: QueryProblems,
): readonly Parameter[] {
  if (raw === '') return []
  if (raw.length > limits.query || Buffer.byteLength(raw) > limits.query) {
    throw new BiodmError('uri_too_long', `The query is longer than ${limits.query} bytes`)
  }
  return segments(raw, problems, false)
}

function segments(raw: string, problems: QueryProblems, nested: boolean): Parameter[] {
  const found: Parameter[] = []
  for (const segment of raw.split('&')) {
    if (segment === '') continue
    problems.attempt(nested ? 'q' : displayed(segment), () => {
      const parameter = parseSegment(segment)
      if (parameter.path !== 'q' || parameter.operator !== null) found.push(parameter)
      else if (nested) throw bad('`q` cannot hold another `q`')
      else found.push(...segments(parameter.argument, problems, true))
    })
  }
  return found
}

function parseSegment(segment: string): Parameter {
  const [name, value] = split(segment)
  const decoded = decode(name)
  const call = CALL.exec(decoded)
  if (call !== null) {
    if (value !== null && value !== '') throw bad('an operator takes its value in the parentheses')
    const [, path = '', operator = '', argument = ''] = call
    return { sent: decoded, path, operator, argument }
  }
  if (/[()]/.test(decoded)) throw bad('the parentheses do not fit', 'an operator is written `size.gt(10)`')
  return { sent: decoded, path: decoded, operator: null, argument: decode(value ?? '') }
}

/** At the first `=`, unless it stands in the parentheses of an operator. */
function split(segment: string): readonly [name: string, value: string | null] {
  const equals = segment.indexOf('=')
  const paren = segment.indexOf('(')
  if (equals < 0) return [segment, null]
  if (paren < 0 || paren > equals) return [segment.slice(0, equals), segment.slice(equals + 1)]
  const end = segment.lastIndexOf(')')
  const after = segment.indexOf('=', end)
  if (end < 0 || after < 0) return [segment, null]
  return [segment.slice(0, after), segment.slice(after + 1)]
}

function decode(text: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw bad('is not percent-encoded UTF-8')
  }
  if (decoded.includes('\0')) throw bad('contains a NUL character')
  if (/\p{Surrogate}/u.test(decoded)) throw bad('contains half of a surrogate pair')
  return decoded
}

/** The name for an error about a segment that may not be decodable. */
function displayed(segment: string): string {
  const [name] = split(segment)
  try {
    return decode(name)
  } catch {
    return name
  }
}
