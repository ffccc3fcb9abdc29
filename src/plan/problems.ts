import type { ErrorObject } from 'ajv'
import { BiodmError, type ErrorCode, type Problem } from '../errors.js'

const LIMIT = 100

/** Collects what is wrong with a body, the first hundred problems, so that a client learns everything at once. */
export class Problems {
  readonly #found: Problem[] = []
  readonly #missing = new Map<string, string[]>()
  #count = 0

  get empty(): boolean {
    return this.#count === 0 && this.#missing.size === 0
  }

  add(pointer: string, message: string): void {
    this.#count += 1
    if (this.#found.length < LIMIT) this.#found.push({ pointer, message })
  }

  /** What ajv says about the object at `pointer`; an unknown key is named by the pointer. */
  refused(pointer: string, error: ErrorObject): void {
    const extra: unknown = error.params['additionalProperty']
    const place = `${pointer}${error.instancePath}${typeof extra === 'string' ? pointerToken(extra) : ''}`
    this.add(place, error.message ?? 'is not valid')
  }

  /** The object at `pointer` cannot be created without `fields`. */
  missing(pointer: string, resource: string, fields: readonly string[]): void {
    this.#missing.set(pointer, [`${resource} missing the following: ${fields.join(', ')}`])
  }

  /** Throws when anything was found: `missing_fields` when nothing else is wrong, else `code`. */
  refuse(code: ErrorCode = 'invalid_body'): void {
    if (this.empty) return
    const missing = [...this.#missing].flatMap(([pointer, messages]) =>
      messages.map((message) => ({ pointer, message })),
    )
    const errors = [...this.#found, ...missing].slice(0, LIMIT)
    const detail = [...new Set(errors.map((problem) => problem.message))].slice(0, 3).join('; ')
    if (this.#count > 0) {
      const more = this.#count + missing.length - 1
      throw new BiodmError(code, sentence(errors[0], more), { errors })
    }
    throw new BiodmError('missing_fields', detail, { errors })
  }
}

function sentence(first: Problem | undefined, more: number): string {
  if (first === undefined) return 'The body does not fit the resource'
  const place = first.pointer === undefined || first.pointer === '' ? 'The body' : `"${first.pointer}"`
  const rest = more <= 0 ? '' : more === 1 ? ' (and 1 more problem)' : ` (and ${more} more problems)`
  return `${place} ${first.message}${rest}`
}

/** One reference token of a JSON pointer (RFC 6901). */
export const pointerToken = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
