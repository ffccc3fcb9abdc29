import { type Draft, firstKey, missingOf } from './write-draft.js'
import { keyText } from './write-shape.js'

/** Which row of a tree an object names by its key. */
export class RowIndex {
  readonly #byKey = new Map<string, Map<string, number>>()
  readonly #ofPath = new Set<number>()

  /** Position of the row that an earlier object with the same key has made. */
  find(draft: Draft): number | undefined {
    const key = draft.key ?? firstKey(draft)
    if (key === null) return undefined
    const row = this.#byKey.get(draft.resource)?.get(keyText(draft.of, key))
    if (row === undefined || draft.key !== null) return row
    // Without its whole key an object makes a row: not the one that the path names, and with all that a new row needs.
    return this.#ofPath.has(row) || missingOf(draft).length > 0 ? undefined : row
  }

  /** `ofPath`: the path names the row, so that it is stored already. */
  add(draft: Draft, row: number, ofPath: boolean): void {
    if (ofPath) this.#ofPath.add(row)
    const key = draft.key ?? firstKey(draft)
    if (key === null) return
    const keys = this.#byKey.get(draft.resource) ?? new Map<string, number>()
    keys.set(keyText(draft.of, key), row)
    this.#byKey.set(draft.resource, keys)
  }
}
