/** Which statement a driver's error came from: remembered on the error, and said in the log. */

/** Set on errors of statements that passed through us. */
const STATEMENT_TEXT = Symbol('statement text')

interface Wrapper {
  readonly [STATEMENT_TEXT]?: string
  readonly nativeError?: unknown
  readonly cause?: unknown
}

/** Remembers which statement failed. */
export function withStatement(error: unknown, text: string): unknown {
  if (typeof error === 'object' && error !== null && !(STATEMENT_TEXT in error)) {
    Object.defineProperty(error, STATEMENT_TEXT, { value: text })
  }
  return error
}

/** The statement that failed, also inside what Objection or a hook wrapped around its error. */
export function statementOf(error: unknown): string | undefined {
  let current = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const wrapper = current as Wrapper
    if (wrapper[STATEMENT_TEXT] !== undefined) return wrapper[STATEMENT_TEXT]
    current = wrapper.nativeError ?? wrapper.cause
  }
  return undefined
}

/** Characters of a statement around the place that PostgreSQL points at. */
const BEFORE = 40
const AFTER = 60

/** The driver's error with the tables of its statement, and the place in it that the database points at. */
export function placed(
  found: { readonly message: string; readonly position?: string },
  error: unknown,
): Error {
  const text = statementOf(error)
  if (text === undefined) return error instanceof Error ? error : new Error(found.message)
  const names = [...text.matchAll(/\b(?:from|join|into|update)\s+["`]([^"`]+)["`]/gi)].map(([, name]) => name)
  const tables = [...new Set(names)].filter((name) => name?.startsWith('biodm_') === false)
  const at = Number(found.position)
  const place = at > 0 ? ` near ${text.slice(Math.max(0, at - 1 - BEFORE), at - 1 + AFTER)}` : ''
  const where = tables.length === 0 ? '' : ` (tables of the statement: ${tables.join(', ')})`
  return new Error(`${found.message}${where}${place}`, { cause: error })
}
