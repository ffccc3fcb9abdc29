/**
 * Group paths: `lab__rna` here, `/lab/rna` in Keycloak. A segment is 1–100 characters, NFC, without `/`, `__`, controls
 * or `_` at either end, and is not `.` or `..`. Whatever does not fit is refused or ignored, never guessed.
 */
const SEPARATOR = '__'
const LONGEST = 100

/** What is wrong with a segment, as the rest of a sentence ("contains a slash"); null when nothing is. */
export function segmentProblem(segment: string): string | null {
  const complaint = SEGMENT_RULES.find(([broken]) => broken(segment))
  return complaint === undefined ? null : complaint[1]
}

const SEGMENT_RULES: readonly (readonly [broken: (segment: string) => boolean, complaint: string])[] = [
  [(segment) => segment === '', 'is empty'],
  [(segment) => [...segment].length > LONGEST, `has more than ${LONGEST} characters`],
  [(segment) => segment === '.' || segment === '..', 'is a relative path'],
  [(segment) => segment.includes('/'), 'contains a slash'],
  [(segment) => segment.includes(SEPARATOR), `contains "${SEPARATOR}"`],
  [(segment) => segment.startsWith('_') || segment.endsWith('_'), 'starts or ends with "_"'],
  [(segment) => /\p{Cc}/u.test(segment), 'contains a control character'],
  [(segment) => segment.normalize('NFC') !== segment, 'is not in Unicode normal form C'],
  // With escaped slashes `a~` > `b` would read `/a~/b`, the path of one group named `a/b`.
  [(segment) => segment.endsWith('~'), 'ends with "~"'],
]

/** The segments of one of our paths, or what is wrong with it. */
export function parsePath(
  path: string,
): { readonly segments: readonly string[] } | { readonly problem: string } {
  const segments = path.split(SEPARATOR)
  for (const segment of segments) {
    const problem = segmentProblem(segment)
    if (problem !== null) return { problem: `the level "${segment}" of the path "${path}" ${problem}` }
  }
  return { segments }
}

/** Our path of a claim or path of Keycloak; null when it has no exact counterpart here. */
export function fromKeycloak(path: string): string | null {
  if (!path.startsWith('/')) return null
  const segments = path.slice(1).split('/')
  return segments.every((segment) => segmentProblem(segment) === null) ? segments.join(SEPARATOR) : null
}

/** Path of a child; null when its name cannot be a segment. */
export function childPath(parent: string | null, name: string): string | null {
  if (segmentProblem(name) !== null) return null
  return parent === null ? name : `${parent}${SEPARATOR}${name}`
}
