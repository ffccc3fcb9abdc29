/** What the keys of a column say must fit its type and each other. */
import type { ColumnDefinition, ColumnType } from '../definition.js'
import type { ColumnDraft, Draft, Resolving } from '../draft.js'
import { entry } from '../tables.js'
import { literalFault } from './literal.js'
import { nestsQuantifiers, repeatsAlternatives } from './pattern.js'

interface Fault {
  /** Key of the long form. */
  readonly key: string
  readonly message: string
  readonly hint?: string
  /** The key that is missing: no fault when it was there, but malformed. */
  readonly needs?: string
}

export function checkColumns({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    for (const column of draft.columns.values()) {
      if (column.definition.role !== 'data') continue
      for (const fault of columnFaults(column.definition)) say(column, fault, report)
    }
    checkSerials(draft, report)
  }
}

function say(
  { at, trait, long }: ColumnDraft,
  { key, message, hint, needs = key }: Fault,
  report: Resolving['report'],
): void {
  if (report.isBroken([...at, needs])) return
  const text = trait === null ? message : `trait ${trait}: ${message}`
  report.fault(long && trait === null ? [...at, key] : at, text, { hint: hint ?? null })
}

function columnFaults(column: ColumnDefinition): Fault[] {
  return CHECKS.flatMap((check) => check(column) ?? [])
}

type Check = (column: ColumnDefinition) => Fault | null

const TEXTS: readonly ColumnType[] = ['string', 'text']
const ORDERED: readonly ColumnType[] = [
  'integer',
  'bigint',
  'number',
  'decimal',
  'date',
  'datetime',
  'serial',
]
const KEY_TYPES: readonly ColumnType[] = [
  'serial',
  'integer',
  'bigint',
  'string',
  'text',
  'uuid',
  'date',
  'datetime',
  'decimal',
  'enum',
  'boolean',
]

/** PostgreSQL's greatest varchar, and its limits of numeric. */
const MAX_LENGTH = 10_485_760
const MAX_PRECISION = 1000

const CHECKS: readonly Check[] = [
  ({ length }) =>
    length !== null && (length < 1 || length > MAX_LENGTH || !Number.isInteger(length))
      ? { key: 'type', message: `a length is 1 to ${MAX_LENGTH} characters` }
      : null,
  ({ precision, scale }) =>
    precision !== null && (precision < 1 || precision > MAX_PRECISION || (scale ?? 0) > precision)
      ? { key: 'type', message: `a precision is 1 to ${MAX_PRECISION}, and at least the scale` }
      : null,
  ({ type, primary }) =>
    type === 'serial' && !primary
      ? { key: 'primary', message: 'a serial column is always the primary key', hint: 'use `integer`' }
      : null,
  ({ type, primary }) =>
    primary && !KEY_TYPES.includes(type)
      ? { key: 'primary', message: `a ${type} column cannot be a key` }
      : null,
  ({ type, generated }) =>
    generated && type !== 'serial' && type !== 'uuid'
      ? { key: 'generated', message: `a ${type} value cannot be generated`, hint: 'only serial and uuid can' }
      : null,
  ({ generated, default: given }) =>
    generated && given !== null ? { key: 'default', message: 'a generated column needs no default' } : null,
  ({ primary, hidden }) =>
    primary && hidden ? { key: 'hidden', message: 'a key cannot be hidden: paths show it' } : null,
  ({ primary, readonly, generated, default: given }) =>
    primary && readonly && !generated && given === null
      ? {
          key: 'readonly',
          message: 'nobody could give this key a value',
          hint: 'add `generated` or a `default`',
        }
      : null,
  ({ type, values }) =>
    type === 'enum' && (values ?? []).length === 0
      ? { key: 'type', message: 'an enum needs `values: […]`', needs: 'values' }
      : null,
  ({ type, unique }) =>
    unique && type === 'json' ? { key: 'unique', message: 'a json column cannot be unique' } : null,
  ({ type, index }) =>
    index && type === 'json' ? { key: 'index', message: 'a json column cannot be indexed' } : null,
  virtualFault,
  rangeFault,
  patternFault,
  defaultFault,
]

function virtualFault({
  virtual,
  primary,
  unique,
  index,
  generated,
  default: given,
}: ColumnDefinition): Fault | null {
  const other = { primary, unique, index, generated, default: given !== null }
  const wrong = Object.entries(other).find(([, value]) => value)
  return virtual && wrong !== undefined
    ? { key: wrong[0], message: `a virtual column is not stored: \`${wrong[0]}\` means nothing` }
    : null
}

function rangeFault(column: ColumnDefinition): Fault | null {
  return TEXTS.includes(column.type) ? lengthRangeFault(column) : (boundFault(column) ?? orderFault(column))
}

function lengthRangeFault({ min, length }: ColumnDefinition): Fault | null {
  if (min === null) return null
  const whole = typeof min === 'number' && Number.isInteger(min) && min >= 0
  if (!whole) return { key: 'min', message: 'the least number of characters is a whole number' }
  return length !== null && min > length ? { key: 'min', message: '`min` is greater than `max`' } : null
}

function boundFault(column: ColumnDefinition): Fault | null {
  const { type, min, max } = column
  for (const [key, bound] of Object.entries({ min, max })) {
    if (bound === null) continue
    if (!ORDERED.includes(type)) return { key, message: `\`${key}\` means nothing for ${type}` }
    const fault = literalFault({ ...column, min: null, max: null }, bound)
    if (fault !== null) return { key, message: fault }
  }
  return null
}

function orderFault({ min, max }: ColumnDefinition): Fault | null {
  return min !== null && max !== null && before(max, min)
    ? { key: 'min', message: '`min` is greater than `max`' }
    : null
}

const before = (a: number | string, b: number | string): boolean => {
  const [x, y] = [a, b].map((bound) =>
    typeof bound === 'number' || /^-?[\d.]+$/.test(bound) ? Number(bound) : Date.parse(bound),
  )
  return x !== undefined && y !== undefined && x < y
}

/** A pattern runs on what clients send: it must be a regular expression, and one that always ends soon. */
function patternFault({ type, pattern }: ColumnDefinition): Fault | null {
  if (pattern === null) return null
  if (!TEXTS.includes(type)) return { key: 'pattern', message: `\`pattern\` means nothing for ${type}` }
  try {
    new RegExp(pattern, 'u')
  } catch (cause) {
    const text =
      cause instanceof Error ? cause.message.replace(/^Invalid regular expression: /, '') : String(cause)
    return { key: 'pattern', message: `not a regular expression: ${text}` }
  }
  if (!nestsQuantifiers(pattern) && !repeatsAlternatives(pattern)) return null
  return {
    key: 'pattern',
    message: 'this pattern may take forever on a hostile text',
    hint: 'avoid nested quantifiers such as `(a+)+`',
  }
}

function defaultFault(column: ColumnDefinition): Fault | null {
  const { default: given, type, length } = column
  if (given === null) return null
  if (given.kind === 'uuid' && length !== null && length < 36)
    return { key: 'default', message: 'a uuid has 36 characters' }
  if (given.kind !== 'literal') return null
  // A pattern that is refused is not run either.
  const judged = patternFault(column) === null ? column : { ...column, pattern: null }
  const fault = literalFault(judged, given.value)
  if (fault === null) return null
  const hint = entry(NAMED_HINTS, given.value)
  return {
    key: 'default',
    message: `bad default for ${type}: ${fault}`,
    ...(hint === undefined ? {} : { hint }),
  }
}

const NAMED_HINTS: Readonly<Record<string, string>> = {
  now: '`now` is for date and datetime',
  uuid: '`uuid` is for uuid and text',
  user: '`user` is for text',
}

function checkSerials(draft: Draft, report: Resolving['report']): void {
  const serials = [...draft.columns.values()].filter(({ definition }) => definition.type === 'serial')
  for (const second of serials.slice(1))
    report.fault(second.at, 'a resource has one serial column at most', { key: true })
}
