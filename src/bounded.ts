/**
 * A map for what can be made again: what is used stays, the rest is forgotten. Two generations: a full one becomes the
 * old one, and what is asked for there moves back. Looking up costs one look into a map, however full it is.
 */
export class Bounded<Key, Value> {
  readonly #size: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** At least `size` values are kept, never more than twice as many. */
  constructor(size: number) {
    this.#size = size
  }

  /** The value of a key, made when it is not there. */
  get(key: Key, make: () => Value): Value {
    const known = this.#young.get(key)
    if (known !== undefined) return known
    const value = this.#old.get(key) ?? make()
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
    return value
  }
}
