/** Takes what is malformed out of a configuration, so that the rest can be judged in the same run. */
import type { ValidateFunction } from 'ajv'
import type { Variables } from './interpolate.js'
import type { Report } from './report.js'
import { formFaults } from './schema.js'
import type { Path } from './source.js'

const MAX_ROUNDS = 20

export interface PruneOptions {
  readonly report: Report
  readonly variables: Variables
  /** The file that holds the value. */
  readonly file: string
}

/**
 * Reports every fault of form and returns a copy without the offending parts, which the report remembers as broken.
 * Later rounds find only what the removal itself left incomplete: that is not reported.
 */
export function pruned(
  validate: ValidateFunction,
  value: unknown,
  base: Path,
  { report, variables, file }: PruneOptions,
): unknown {
  let rest = value
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (rest === undefined) break
    const faults = formFaults(validate, rest, base, variables)
    if (faults.length === 0) return rest
    for (const { path: at, message, hint, key, remove, missing } of faults) {
      const known = missing !== null && report.isBroken([...at, missing])
      if (round === 0 && !known) report.fault(at, message, { hint, key, file })
      const path = removable(rest, remove.slice(base.length))
      report.markBroken([...base, ...path])
      rest = without(rest, path)
    }
  }
  report.markBroken(base)
  return {}
}

/** A list with a malformed item goes as a whole: what it would mean without the item is anybody's guess. */
function removable(value: unknown, path: Path): Path {
  let holder = value
  for (const [depth, part] of path.entries()) {
    if (Array.isArray(holder)) return path.slice(0, depth)
    if (typeof holder !== 'object' || holder === null) return path.slice(0, depth)
    holder = (holder as Readonly<Record<string, unknown>>)[part]
  }
  return path
}

/** A copy of `value` without what is at `path` (keys of mappings); the other parts are shared. */
export function without(value: unknown, path: Path): unknown {
  const [head, ...tail] = path
  if (head === undefined) return undefined
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, head)) return value
  const copy: Record<string, unknown> = Object.assign(Object.create(null), value)
  if (tail.length === 0) delete copy[head]
  else copy[head] = without(copy[head], tail)
  return copy
}
