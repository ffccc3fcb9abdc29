/**
 * Driver errors → `BiodmError`, by SQLSTATE and constraint name (PostgreSQL) or result code (SQLite). Message texts are
 * read where SQLite has nothing else, in its fixed forms: the columns of a violated constraint
 * (`UNIQUE constraint failed: table.column, …`), and what the database lacks (`no such table: …`).
 */
import { BiodmError, type ErrorCode } from '../errors.js'
import { placed, statementOf } from './db-error-place.js'

/** What a constraint is about, in the words of the configuration; hidden columns are left out of `fields`. */
export interface ConstraintFacts {
  readonly resource: string
  readonly fields: readonly string[]
}

/** Made from the model (constraints.ts): finds what a violated constraint was about. */
export interface ConstraintCatalog {
  byName(name: string): ConstraintFacts | undefined
  byColumns(table: string, columns: readonly string[]): ConstraintFacts | undefined
}

/** The parts of a driver's error that say what happened. */
interface DriverError {
  readonly code: string
  readonly message: string
  readonly constraint?: string
  readonly table?: string
  readonly column?: string
}

const RETRY_SOON = Object.freeze({ 'Retry-After': '1' })

/** SQLSTATE, or its class of two characters, → our code. */
const POSTGRES: Readonly<Record<string, ErrorCode>> = {
  '08': 'unavailable',
  '22': 'invalid_body',
  '2200H': 'storage_full',
  '23502': 'missing_fields',
  '23503': 'reference_missing',
  '23505': 'unique_violation',
  '23514': 'invalid_body',
  '23': 'conflict',
  '23001': 'reference_missing',
  '25006': 'unavailable',
  '25P03': 'unavailable',
  '28': 'unavailable',
  '3D': 'unavailable',
  '3F': 'unavailable',
  '40001': 'unavailable',
  '40P01': 'unavailable',
  '44': 'conflict',
  '53': 'unavailable',
  '53100': 'storage_full',
  '54': 'invalid_body',
  '55000': 'unavailable',
  '55P03': 'timeout',
  '57014': 'timeout',
  '57P': 'unavailable',
  '58030': 'unavailable',
  P0001: 'conflict',
}

/** The tables are not as the configuration says, which was looked at when the server started. */
const NOT_AS_CONFIGURED: ReadonlySet<string> = new Set([
  '0A000', // a view whose rows cannot be locked
  '428C9', // a column is generated
  '42501', // a right is missing
  '42703', // no such column
  '42804', // a column is of another type
  '42809', // a table is something else
  '42846', // a type cannot be converted
  '42883', // types cannot be compared
  '42P01', // no such table
  '42P10', // a unique constraint is missing
  'SQLITE_MISMATCH',
])
/** The same where SQLite has only its general code. */
const NOT_AS_CONFIGURED_TEXT =
  /^(no such (table|column)|cannot modify .+ because it is a view|cannot (INSERT into|UPDATE) generated column|malformed JSON|JSON cannot hold BLOB|ON CONFLICT clause does not match)\b/

const isNotAsConfigured = ({ code, message }: DriverError): boolean =>
  code === 'SQLITE_ERROR' ? NOT_AS_CONFIGURED_TEXT.test(message) : NOT_AS_CONFIGURED.has(code)

/** Result code, or the part before its last `_`, → our code. */
const SQLITE: Readonly<Record<string, ErrorCode>> = {
  SQLITE_BUSY: 'unavailable',
  SQLITE_CANTOPEN: 'unavailable',
  SQLITE_CONSTRAINT: 'conflict',
  SQLITE_CONSTRAINT_CHECK: 'invalid_body',
  SQLITE_CONSTRAINT_DATATYPE: 'invalid_body',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'reference_missing',
  SQLITE_CONSTRAINT_NOTNULL: 'missing_fields',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique_violation',
  SQLITE_CONSTRAINT_ROWID: 'unique_violation',
  SQLITE_CONSTRAINT_UNIQUE: 'unique_violation',
  SQLITE_FULL: 'storage_full',
  SQLITE_INTERRUPT: 'timeout',
  SQLITE_IOERR: 'unavailable',
  SQLITE_LOCKED: 'unavailable',
  SQLITE_NOMEM: 'unavailable',
  SQLITE_PROTOCOL: 'unavailable',
  SQLITE_READONLY: 'unavailable',
  SQLITE_TOOBIG: 'invalid_body',
}

/** Errors of sockets and of name resolution. */
const NETWORK = /^(E(CONN\w+|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)|ENOENT)$/

/** The driver's error inside what Objection, knex or a hook may have wrapped around it. */
function driverError(error: unknown): DriverError | undefined {
  for (let current = error, depth = 0; depth < 5; depth++) {
    if (typeof current !== 'object' || current === null || current instanceof BiodmError) return undefined
    const candidate = current as Partial<DriverError> & { nativeError?: unknown; cause?: unknown }
    if (typeof candidate.code === 'string' && /^(SQLITE_\w+|[0-9A-Z]{5})$/.test(candidate.code)) {
      return candidate as DriverError
    }
    current = candidate.nativeError ?? candidate.cause
  }
  return undefined
}

function lookup({ code }: DriverError): ErrorCode | undefined {
  if (!code.startsWith('SQLITE_'))
    return POSTGRES[code] ?? POSTGRES[code.slice(0, 3)] ?? POSTGRES[code.slice(0, 2)]
  for (let part = code; part.length > 6; part = part.slice(0, part.lastIndexOf('_'))) {
    const found = SQLITE[part]
    if (found !== undefined) return found
  }
  return undefined
}

/** The code of the driver's error (SQLSTATE or `SQLITE_…`), or undefined when it is none. */
export function driverCode(error: unknown): string | undefined {
  return driverError(error)?.code
}

/** The driver stopped waiting for a server that does not answer at all; its error has no code. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout'

/** True when the connection is gone: the statement's outcome is unknown, or it never began. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof BiodmError) return error.cause !== undefined && isConnectionLoss(error.cause)
  if (!(error instanceof Error)) return false
  const { code } = error as Partial<DriverError>
  if (code === undefined)
    return /^(Connection terminated|Client (has encountered|was closed))/.test(error.message)
  return NETWORK.test(code) || code.startsWith('57P0') || code.startsWith('08')
}

const sentences: Partial<Record<ErrorCode, string>> = {
  conflict: 'The database refuses these rows by a rule of its own.',
  invalid_body: 'A value does not fit its column.',
  unavailable: 'The database is not available for the moment; try again.',
  timeout: 'The database took too long.',
  storage_full: 'The database has no room left.',
}

/** `UNIQUE constraint failed: t.a, t.b` → table and columns. */
function sqliteColumns(message: string): { table: string; columns: string[] } | undefined {
  const list = /constraint failed: (.+)$/.exec(message)?.[1]
  if (list === undefined || !list.includes('.')) return undefined
  const names = list.split(', ')
  const table = names[0]?.slice(0, names[0].indexOf('.'))
  if (table === undefined) return undefined
  return { table, columns: names.map((name) => name.slice(name.indexOf('.') + 1)) }
}

function factsOf(error: DriverError, catalog: ConstraintCatalog | undefined): ConstraintFacts | undefined {
  if (catalog === undefined) return undefined
  if (error.constraint !== undefined) return catalog.byName(error.constraint)
  if (error.table !== undefined && error.column !== undefined)
    return catalog.byColumns(error.table, [error.column])
  const named = /^CHECK constraint failed: (\w+)$/.exec(error.message)?.[1]
  if (named !== undefined) return catalog.byName(named)
  const columns = error.code.startsWith('SQLITE_') ? sqliteColumns(error.message) : undefined
  return columns && catalog.byColumns(columns.table, columns.columns)
}

/** The table that a delete is about, when the statement is one. */
function deletedTable(text: string | undefined): string | undefined {
  if (text === undefined || /\b(insert into|update) ["`]/i.test(text)) return undefined
  return /\bdelete from\s+["`]([^"`]+)["`]/i.exec(text)?.[1]
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

function describe(code: ErrorCode, facts: ConstraintFacts | undefined): string | undefined {
  if (facts === undefined) return sentences[code]
  const fields = list(facts.fields)
  switch (code) {
    case 'unique_violation':
      return fields === '' ? undefined : `Another ${facts.resource} has the same ${fields}`
    case 'reference_missing':
      return fields === '' ? undefined : `The ${fields} of this ${facts.resource} does not exist`
    case 'missing_fields':
      return fields === '' ? undefined : `${facts.resource} missing the following: ${fields}`
    case 'invalid_body':
      return fields === ''
        ? sentences[code]
        : `The ${fields} of this ${facts.resource} does not fit its column.`
    default:
      return sentences[code]
  }
}

/**
 * Undefined when the error is none of a database: a hook's own, a programming mistake. Errors that nobody foresaw
 * become `internal` by staying what they are.
 */
export function translate(error: unknown, catalog?: ConstraintCatalog): BiodmError | undefined {
  if (error instanceof BiodmError) return error
  if (isUnanswered(error)) return new BiodmError('timeout', sentences.timeout, { cause: error })
  const found = driverError(error)
  if (found === undefined || NETWORK.test(found.code)) {
    return isConnectionLoss(error)
      ? new BiodmError('unavailable', sentences.unavailable, { headers: RETRY_SOON, cause: error })
      : undefined
  }
  if (isNotAsConfigured(found)) {
    return new BiodmError('unavailable', sentences.unavailable, {
      headers: RETRY_SOON,
      cause: placed(found, error),
    })
  }
  const code = lookup(found)
  if (code === undefined) return undefined
  const facts = factsOf(found, catalog)
  if (code === 'reference_missing') {
    if (deletedTable(statementOf(error)) !== undefined) return stillReferenced(facts, error)
  }
  return new BiodmError(code, describe(code, facts), {
    ...(code === 'unavailable' ? { headers: RETRY_SOON } : {}),
    cause: error,
  })
}

function stillReferenced(facts: ConstraintFacts | undefined, cause: unknown): BiodmError {
  const by = facts === undefined ? '' : ` by rows of ${facts.resource}`
  const through = facts === undefined || facts.fields.length === 0 ? '' : ` (${list(facts.fields)})`
  return new BiodmError('still_referenced', `The row is still referenced${by}${through}`, { cause })
}

/** The translated error, or the error itself when it is none of a database. */
export function translated(error: unknown, catalog?: ConstraintCatalog): unknown {
  return translate(error, catalog) ?? error
}

const OUTAGES: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'storage_full'])

/**
 * What a failed statement of a plugin's own means when it is not the plugin's fault: the database is away, busy, too slow
 * or full. Undefined for everything else, SQL that fits no table included.
 */
export function outage(error: unknown): BiodmError | undefined {
  if (error instanceof BiodmError || statementOf(error) === undefined) return undefined
  const found = driverError(error)
  if (found !== undefined && (isNotAsConfigured(found) || REFUSED_WRITES.has(found.code))) return undefined
  const translation = translate(error)
  return translation !== undefined && OUTAGES.has(translation.code) ? translation : undefined
}

const REFUSED_WRITES: ReadonlySet<string> = new Set(['25006', 'SQLITE_READONLY'])

/**
 * SQL of a plugin's own that the database does not understand, that fits none of its tables, or that writes in a
 * transaction that the plugin has opened as `readonly`.
 */
export function isBadStatement(error: unknown, readonly: boolean): boolean {
  if (error instanceof BiodmError || statementOf(error) === undefined) return false
  const code = driverCode(error) ?? ''
  if (REFUSED_WRITES.has(code)) return readonly
  return code.startsWith('42') || code === 'SQLITE_ERROR' || code === 'SQLITE_MISMATCH'
}
