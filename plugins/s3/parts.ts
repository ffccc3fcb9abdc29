/** What a client says about its parts, compared with the plan and with what the store has. */
import { BiodmError, type Problem } from 'biodm'
import { bareEtag, type CompletedPart, type StoredPart } from './store/store.js'
import { plannedParts, type Upload } from './uploads.js'

const PROBLEMS = 100

/** The complete list in order; `invalid_body` unless every planned part is named once, with the ETag and size it has. */
export function checkParts(
  body: unknown,
  upload: Upload,
  stored: readonly StoredPart[],
): readonly CompletedPart[] {
  const claimed = readParts(body)
  const byNumber = new Map(stored.map((part) => [part.partNumber, part]))
  const planned = plannedParts(upload)
  const problems: Problem[] = []
  const seen = new Set<number>()
  for (const [index, { partNumber, etag }] of claimed.entries()) {
    const message = claimProblem(partNumber, etag, planned, byNumber, seen)
    if (message !== null) problems.push({ pointer: `/${index}`, message })
    seen.add(partNumber)
  }
  for (const { partNumber } of planned)
    if (!seen.has(partNumber)) problems.push({ pointer: '', message: `part ${partNumber} is missing` })
  if (problems.length > 0) {
    throw new BiodmError('invalid_body', 'The parts are not those of this upload; nothing was changed.', {
      errors: problems.slice(0, PROBLEMS),
    })
  }
  return [...claimed].sort((a, b) => a.partNumber - b.partNumber)
}

function claimProblem(
  number: number,
  etag: string,
  planned: readonly { readonly partNumber: number; readonly size: number }[],
  stored: ReadonlyMap<number, StoredPart>,
  seen: ReadonlySet<number>,
): string | null {
  const plan = planned[number - 1]
  const there = stored.get(number)
  if (plan === undefined) return `there is no part ${number} in this upload`
  if (seen.has(number)) return `part ${number} is repeated`
  if (there === undefined) return `part ${number} has not arrived in the store`
  if (there.etag !== etag) return `part ${number} has another ETag in the store`
  if (there.size !== plan.size) return `part ${number} has ${there.size} bytes instead of ${plan.size}`
  return null
}

/** `[{ "PartNumber": 1, "ETag": "…" }]`, quoted ETags too. */
export function readParts(body: unknown): readonly CompletedPart[] {
  if (!Array.isArray(body) || body.length === 0)
    throw new BiodmError('invalid_body', 'Expected a list of parts: [{ "PartNumber": 1, "ETag": "…" }, …].')
  const problems: Problem[] = []
  const parts = body.map((item: unknown, index): CompletedPart => {
    const part = item !== null && typeof item === 'object' ? (item as Record<string, unknown>) : {}
    const { PartNumber: partNumber, ETag: etag } = part
    if (typeof partNumber === 'number' && Number.isInteger(partNumber) && typeof etag === 'string')
      return { partNumber, etag: bareEtag(etag) }
    problems.push({ pointer: `/${index}`, message: 'must have an integer "PartNumber" and a string "ETag"' })
    return { partNumber: 0, etag: '' }
  })
  if (problems.length > 0)
    throw new BiodmError('invalid_body', 'The list of parts is malformed.', {
      errors: problems.slice(0, PROBLEMS),
    })
  return parts
}
