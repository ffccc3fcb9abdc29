import type { InverseDefinition } from '../config/definition.js'

/** Where an object of a body hangs: the row that holds it and how. */
export interface Place {
  /** Position of the node around it; null at the root. */
  readonly parent: number | null
  readonly via: string | null
  readonly depth: number
  readonly level: number
  /** Set for a child of a one-to-many or inverse one-to-one: its foreign key is the holder's key. */
  readonly holder: { readonly relation: InverseDefinition; readonly row: number } | null
  /** The row cannot be stored yet, whatever its key. */
  readonly isNew?: boolean
}

export const ROOT: Place = Object.freeze({ parent: null, via: null, depth: 0, level: 0, holder: null })
export const NEW_ROOT: Place = Object.freeze({ ...ROOT, isNew: true })
