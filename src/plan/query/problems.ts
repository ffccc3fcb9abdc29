import { BiodmError, type Problem } from '../../errors.js'

const SHOWN = 100

/** What is wrong with one parameter: thrown while it is read, collected by `QueryProblems`. */
export class BadParameter extends Error {
  override readonly name = 'BadParameter'
  readonly hint: string | null

  constructor(message: string, hint: string | null) {
    super(message)
    this.hint = hint
  }
}

/** `message`, then what to do about it. */
export function bad(message: string, hint?: string | null): BadParameter {
  return new BadParameter(message, hint ?? null)
}

/** Collects the faults of a query string, so that a client learns of all of them at once. */
export class QueryProblems {
  readonly #found: Problem[] = []

  /** Runs `read`; a fault that it throws is noted against the parameter as it was sent, `hint` before its own. */
  attempt(parameter: string, read: () => void, hint?: () => string | null): void {
    try {
      read()
    } catch (error) {
      if (!(error instanceof BadParameter)) throw error
      const sentences = [error.message, hint?.() ?? null, error.hint]
      this.add(parameter, sentences.filter((sentence) => sentence !== null).join('; '))
    }
  }

  add(parameter: string, message: string): void {
    this.#found.push({ parameter: shortened(parameter), message })
  }

  /** Throws 400 `invalid_query` when anything was found. */
  refuse(): void {
    const [first] = this.#found
    if (first === undefined) return
    const more = this.#found.length - 1
    const rest = more === 0 ? '' : ` (and ${more} more ${more === 1 ? 'problem' : 'problems'})`
    throw new BiodmError('invalid_query', `"${first.parameter}": ${first.message}${rest}`, {
      errors: this.#found.slice(0, SHOWN),
    })
  }
}

const LONGEST = 200

/** A parameter in an error message: whole unless it is very long. */
function shortened(parameter: string): string {
  return parameter.length <= LONGEST ? parameter : `${[...parameter].slice(0, LONGEST).join('')}…`
}
