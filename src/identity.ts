/**
 * Who asks. Groups are paths with `__` between levels ("lab__rna"). Membership works downwards: a rule that names
 * `lab` admits members of `lab` and of everything below it, never of its parents (spec: access).
 */
export interface Identity {
  readonly username: string
  readonly groups: readonly string[]
  /** Member of the admin group itself; passes every check. */
  readonly admin: boolean
}

/** No token: no name, no groups. */
export const ANONYMOUS = null
export type Caller = Identity | null

/** The runtime itself (jobs, `ctx.service(…, { identity: 'system' })`): past the access rules. */
export const SYSTEM: Identity = Object.freeze({ username: 'system', groups: Object.freeze([]), admin: true })

/** `a__b__c` → `['a', 'a__b', 'a__b__c']`: the paths whose mention in a rule or list admits a member of `path`. */
export function withAncestors(path: string): readonly string[] {
  const segments = path.split('__')
  return segments.map((_, index) => segments.slice(0, index + 1).join('__'))
}

const admitting = new WeakMap<Identity, readonly string[]>()

/** All paths that admit this caller, without repetition; empty for an anonymous one. What is no group path admits nobody. */
export function admittingPaths(caller: Caller): readonly string[] {
  if (caller === null) return []
  const known = admitting.get(caller)
  if (known !== undefined) return known
  const groups = caller.groups.filter((path) => groupPathFault(path) === null)
  const paths = Object.freeze([...new Set(groups.flatMap(withAncestors))])
  admitting.set(caller, paths)
  return paths
}

/** The derived parent of a group path; `null` at the top. */
export function parentPath(path: string): string | null {
  const end = path.lastIndexOf('__')
  return end < 0 ? null : path.slice(0, end)
}

/**
 * What keeps a text from being a group path, or null: 1 to 100 characters a segment, in Unicode normal form C, without `/`,
 * control characters or `_` at either end, not `.` or `..`; `__` between the levels.
 */
export function groupPathFault(path: string): string | null {
  const segments = path.split('__')
  if (segments.some((segment) => segment === '' || [...segment].length > 100)) {
    return 'a level is empty or longer than 100 characters'
  }
  if (path !== path.normalize('NFC')) return 'not in Unicode normal form C'
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'a level is `.` or `..`'
  if (segments.some((segment) => /\/|\p{Cc}|^_|_$/u.test(segment))) {
    return 'a level holds a `/` or a control character, or begins or ends with `_`'
  }
  return null
}
