/** The refusals of a decision, answered in the order of the contract: 404 of the path, 400, then 409. */
import { BiodmError, type ErrorCode, type Problem } from '../errors.js'
import { pointerToken } from '../plan/problems.js'
import type { Refusal } from './write-decide.js'

/** 400s come before the verdicts about rows inside the tree, 409s after them. */
export const BAD_REQUEST: readonly Refusal['kind'][] = ['missing', 'version', 'half']
export const CONFLICT: readonly Refusal['kind'][] = ['absent', 'dangling', 'taken', 'held', 'strict']

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
} as const satisfies Record<Refusal['kind'], Wording>

/** Throws when `refusals` holds one of `kinds`; those of the first code found are listed together. */
export function throwRefusals(refusals: readonly Refusal[], kinds: readonly Refusal['kind'][]): void {
  const chosen = refusals.filter((refusal) => kinds.includes(refusal.kind))
  const [first] = chosen
  if (first === undefined) return
  const { code } = WORDING[first.kind]
  const errors = chosen
    .filter((refusal) => WORDING[refusal.kind].code === code)
    .slice(0, 100)
    .map(
      (refusal): Problem => ({
        pointer: pointerOf(refusal),
        message: WORDING[refusal.kind].message(refusal),
      }),
    )
  throw new BiodmError(code, errors[0]?.message, { errors })
}

/** A foreign key by the first of its columns that the body gives; anything else by its object. */
function pointerOf(refusal: Refusal): string {
  const { row, resource } = refusal.row
  if (refusal.kind === 'half' || refusal.kind === 'held') return row.pointer + pointerToken(refusal.column)
  const relation = refusal.kind === 'dangling' ? resource.relations.get(refusal.relation) : undefined
  if (relation?.kind !== 'one') return row.pointer
  const given = relation.columns.find(({ column }) => Object.hasOwn(row.values, column))
  return given === undefined ? row.pointer : row.pointer + pointerToken(given.column)
}
