import type { Model } from '../../model/model.js'

/** Texts kept as prepared statements on every connection; what comes after them is sent unnamed. */
const LIMIT = 400

export interface NamedText {
  readonly text: string
  readonly name?: string
}

/** Statement texts by shape: made once, named while there is room. */
export class Texts {
  readonly #known = new Map<string, NamedText>()
  readonly #numbers = new WeakMap<object, number>()
  #last = 0

  get(shape: string, make: () => string): NamedText {
    const known = this.#known.get(shape)
    if (known !== undefined) return known
    if (this.#known.size >= LIMIT) return { text: make() }
    const named = Object.freeze({ text: make(), name: `w${this.#known.size}` })
    this.#known.set(shape, named)
    return named
  }

  /** Stands for an object (a selection) in the shapes of texts. */
  numberOf(object: object): number {
    const known = this.#numbers.get(object)
    if (known !== undefined) return known
    this.#last += 1
    this.#numbers.set(object, this.#last)
    return this.#last
  }
}

const caches = new WeakMap<Model, Texts>()

/** The cache of a model, and so of the runtime that serves it. */
export function textsOf(model: Model): Texts {
  const known = caches.get(model)
  if (known !== undefined) return known
  const texts = new Texts()
  caches.set(model, texts)
  return texts
}
