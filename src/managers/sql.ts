/**
 * A tagged template for the few statements on biodm's own tables: every `${value}` is bound, never spliced; a nested
 * statement is merged with its values. Statements on resources are compiled from the model (select/, mutate/).
 */
import type { DialectName } from '../config/definition.js'
import type { Statement } from './database.js'

export interface SqlTag {
  (strings: TemplateStringsArray, ...values: unknown[]): Statement
  /** `1, 2, 3` for `IN (…)`; throws on an empty list, which is no SQL. */
  list(values: readonly unknown[]): Statement
  append(statement: Statement, text: string): Statement
  /** A name of our own (table, column), quoted. */
  name(name: string): Statement
}

const PLACEHOLDER = '\u0000'

/** Nested statements keep `\u0000` for their placeholders until the outermost tag numbers them. */
class Fragment implements Statement {
  readonly raw: string
  readonly values: readonly unknown[]
  readonly #dialect: DialectName

  constructor(raw: string, values: readonly unknown[], dialect: DialectName) {
    this.raw = raw
    this.values = values
    this.#dialect = dialect
  }

  get text(): string {
    let position = 0
    return this.raw.replaceAll(PLACEHOLDER, () => {
      position += 1
      return this.#dialect === 'postgres' ? `$${position}` : '?'
    })
  }
}

const tags = new Map<DialectName, SqlTag>(
  (['sqlite', 'postgres'] as const).map((dialect) => [dialect, makeTag(dialect)]),
)

export function sql(dialect: DialectName): SqlTag {
  return tags.get(dialect) ?? makeTag(dialect)
}

function makeTag(dialect: DialectName): SqlTag {
  const tag = (strings: TemplateStringsArray, ...parts: unknown[]): Fragment => {
    let raw = strings[0] ?? ''
    const values: unknown[] = []
    parts.forEach((part, index) => {
      if (part instanceof Fragment) {
        raw += part.raw
        values.push(...part.values)
      } else {
        raw += PLACEHOLDER
        values.push(part)
      }
      raw += strings[index + 1] ?? ''
    })
    return new Fragment(raw, values, dialect)
  }
  // A function's own `name` is read-only, so it is redefined.
  Object.defineProperty(tag, 'name', {
    value: (name: string) => new Fragment(`"${name.replaceAll('"', '""')}"`, [], dialect),
  })
  return Object.assign(tag, {
    list(values: readonly unknown[]) {
      if (values.length === 0) throw new RangeError('an empty list is no SQL')
      return new Fragment(values.map(() => PLACEHOLDER).join(', '), values, dialect)
    },
    append(statement: Statement, text: string) {
      if (!(statement instanceof Fragment)) throw new TypeError('only statements of this tag can be nested')
      return new Fragment(statement.raw + text, statement.values, dialect)
    },
  }) as unknown as SqlTag
}
