/** The refusals of a decision, answered in the order of the contract: 404 of the path, 400, then 409. */
import { BiodmError, type ErrorCode, type Problem } from '../errors.js'
import type { Resource } from '../model/model.js'
import type { WriteRow } from '../plan/plan.js'
import { pointerToken } from '../plan/problems.js'
import type { Refusal } from './write-decide.js'

/** 400s come before the verdicts about rows inside the tree, 409s after them. */
export const BAD_REQUEST: readonly Refusal['kind'][] = ['missing', 'version', 'half']
export const CONFLICT: readonly Refusal['kind'][] = [
  'absent',
  'dangling',
  'taken',
  'held',
  'strict',
  'strict_unlink',
]

interface Wording {
  readonly code: ErrorCode
  message(refusal: Refusal): string
}

const name = (refusal: Refusal): string => refusal.row.resource.name

const WORDING = {
  missing: {
    code: 'missing_fields',
    message: (refusal) => `${name(refusal)} missing the following: ${refusal.row.row.missing.join(', ')}`,
  },
  version: {
    code: 'invalid_body',
    message: (refusal) =>
      `${name(refusal)} has no such version: new versions arise by release, a new entity starts with version 1`,
  },
  absent: {
    code: 'reference_missing',
    message: (refusal) => `${name(refusal)} with this key does not exist`,
  },
  dangling: {
    code: 'reference_missing',
    message: (refusal) =>
      `${refusal.kind === 'dangling' ? refusal.target : name(refusal)} with this key does not exist`,
  },
  taken: {
    code: 'unique_violation',
    message: (refusal) =>
      `${name(refusal)} with this key exists${refusal.row.stored === null ? '; name its version to change it' : ''}`,
  },
  half: {
    code: 'invalid_body',
    message: (refusal) =>
      `is only a part of "${refusal.kind === 'half' ? refusal.relation : ''}": give it as a whole`,
  },
  held: {
    code: 'unique_violation',
    message: (refusal) =>
      `Another ${name(refusal)} of this request has this value until it is changed: send two requests`,
  },
  strict: {
    code: 'versioned_readonly',
    message: (refusal) =>
      `${name(refusal)} changes by release only: ${refusal.row.changed.join(', ')} cannot be written`,
  },
  strict_unlink: {
    code: 'versioned_readonly',
    message: (refusal) =>
      `${name(refusal)} changes by release only: ${refusal.row.changed.join(', ')} cannot be emptied`,
  },
} as const satisfies Record<Refusal['kind'], Wording>

/** Throws when `refusals` holds one of `kinds`; those of the first code found are listed together. */
export function throwRefusals(refusals: readonly Refusal[], kinds: readonly Refusal['kind'][]): void {
  const chosen = refusals.filter((refusal) => kinds.includes(refusal.kind))
  const [first] = chosen
  if (first === undefined) return
  const { code } = WORDING[first.kind]
  const errors = chosen
    .filter((refusal) => WORDING[refusal.kind].code === code)
    .flatMap((refusal) => {
      const message = WORDING[refusal.kind].message(refusal)
      return pointersOf(refusal).map((pointer): Problem => ({ pointer, message }))
    })
    .slice(0, 100)
  throw new BiodmError(code, errors[0]?.message, { errors })
}

/** The keys of the body that are to blame, or the object that lacks something. */
function pointersOf(refusal: Refusal): readonly string[] {
  const { row, resource, changed } = refusal.row
  const at = (names: readonly string[]): readonly string[] =>
    names.length === 0 ? [row.pointer] : names.map((name) => row.pointer + pointerToken(name))
  const key = resource.primaryKey[0]?.name ?? ''
  switch (refusal.kind) {
    case 'missing':
    case 'strict_unlink':
      return [row.pointer]
    case 'version':
      return at(Object.hasOwn(row.values, 'version') ? ['version'] : [])
    case 'half':
    case 'held':
      return at([refusal.column])
    case 'dangling':
      return at(
        foreignKey(resource, refusal.relation)
          .filter((name) => Object.hasOwn(row.values, name))
          .slice(0, 1),
      )
    case 'strict':
      return at(given(resource, row, changed))
    case 'taken':
      return at(Object.hasOwn(row.values, key) ? [key] : [])
    case 'absent':
      // Inside a tree the relation that names the row is to blame.
      return at(/^(\/\d+)?$/.test(row.pointer) && row.key !== null ? [key] : [])
  }
}

const foreignKey = (resource: Resource, name: string): readonly string[] => {
  const relation = resource.relations.get(name)
  return relation?.kind === 'one' ? relation.columns.map(({ column }) => column) : []
}

/** Columns by their names, those that objects of the tree supply by their relations. */
function given(resource: Resource, { parents }: WriteRow, columns: readonly string[]): readonly string[] {
  const names = columns.map((name) => {
    const parent = parents.find((link) => link.columns.some(({ column }) => column === name))
    return parent?.relation ?? name
  })
  return [...new Set(names)].filter((name) => resource.columns.has(name) || resource.relations.has(name))
}
