/**
 * Values of a statement under construction. A compiled statement is used for every plan of the same shape, so a
 * parameter is not a value but the way to find it in such a plan. Texts are put together in any order: placeholders are
 * numbered at the end, in the order of the text.
 */
import type { DialectName } from '../../config/definition.js'

/** Finds the value in a plan of the shape that was compiled. */
export type Find<P> = (plan: P) => unknown

const OPEN = '\u0001'
const CLOSE = '\u0002'
const MARK = new RegExp(`${OPEN}(\\d+)${CLOSE}`, 'g')

export interface Numbered<P> {
  readonly text: string
  readonly finds: readonly Find<P>[]
}

export class Parameters<P> {
  readonly #finds: Find<P>[] = []
  readonly #shared = new Map<string, string>()

  /** A placeholder for this value. */
  bind(find: Find<P>): string {
    this.#finds.push(find)
    return `${OPEN}${this.#finds.length - 1}${CLOSE}`
  }

  /** One value wherever it occurs: PostgreSQL sends it once. */
  shared(key: string, find: Find<P>): string {
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const mark = this.bind(find)
    this.#shared.set(key, mark)
    return mark
  }

  /** The text with the dialect's placeholders, and how to find their values in order. */
  number(text: string, dialect: DialectName): Numbered<P> {
    const finds: Find<P>[] = []
    const numbers = new Map<number, number>()
    const numbered = text.replace(MARK, (_mark, digits: string) => {
      const index = Number(digits)
      const find = this.#finds[index] as Find<P>
      const known = numbers.get(index)
      if (dialect === 'postgres' && known !== undefined) return `$${known}`
      finds.push(find)
      numbers.set(index, finds.length)
      return dialect === 'postgres' ? `$${finds.length}` : '?'
    })
    return { text: numbered, finds }
  }
}
