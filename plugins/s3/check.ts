/** What can be refused about a file before anything exists anywhere: names, sizes, checksums. */
import { BiodmError, type PrefixContext, type PrefixItem, type Problem, type Row } from 'biodm'
import { type FileManager, managerOf } from './manager.js'
import { CONTENT_TYPE, nameProblem } from './names.js'
import { LIMITS } from './options.js'
import { CONTENT } from './trait.js'
import { formatBytes } from './units.js'

const PROBLEMS = 100

/** Prefix of create and update. Types are the schema's business; here they may still be wrong. */
export function check(ctx: PrefixContext): void {
  const manager = managerOf(ctx)
  const problems: Problem[] = []
  for (const item of ctx.items) {
    normalize(item.data)
    problems.push(...fileProblems(manager, item.data, item.stored, item.pointer))
    if (ctx.operation === 'update' && item.stored !== null)
      problems.push(...contentProblems(item.data, item.stored, item.pointer))
  }
  refuse(problems)
}

/** Prefix of release: new content needs a new size, and the old checksum is not its. */
export function checkRelease(ctx: PrefixContext): void {
  const manager = managerOf(ctx)
  const problems: Problem[] = []
  for (const item of ctx.items) {
    if (item.data['size'] === undefined || item.data['size'] === null)
      throw new BiodmError('missing_fields', `${ctx.resource} missing the following: size`, {
        errors: [
          { pointer: item.pointer, message: 'a release of a file needs the "size" of its new content' },
        ],
      })
    item.data['sha256'] ??= null
    normalize(item.data)
    problems.push(...fileProblems(manager, item.data, item.stored, item.pointer))
  }
  refuse(problems)
}

function normalize(data: Row): void {
  if (typeof data['sha256'] === 'string') data['sha256'] = data['sha256'].toLowerCase()
}

function fileProblems(
  manager: FileManager,
  data: Readonly<Row>,
  stored: PrefixItem['stored'],
  pointer: string,
): readonly Problem[] {
  const problems: Problem[] = []
  const say = (column: string, message: string): void => {
    problems.push({ pointer: `${pointer}/${column}`, message })
  }
  for (const column of ['filename', 'extension'] as const) {
    const name = data[column]
    const problem = typeof name === 'string' ? nameProblem(name) : null
    if (problem !== null) say(column, problem)
  }
  const { size = stored?.['size'], sha256, content_type: type } = data
  const { sizeLimit } = manager.settings
  if (typeof size === 'number' && size > sizeLimit)
    say('size', `is over the limit of ${formatBytes(sizeLimit)} (size_limit)`)
  if (typeof size === 'number' && size > LIMITS.parts * LIMITS.partMax)
    say('size', 'is more than 10 000 parts of 5 gb can hold')
  if (typeof sha256 === 'string' && typeof size === 'number' && size > LIMITS.single)
    say('sha256', 'cannot be verified for a file over 5 gb: leave it out')
  if (typeof type === 'string' && !CONTENT_TYPE.test(type)) say('content_type', 'is not a media type')
  return problems
}

/** The bytes belong to the row: other ones need a release. */
export function contentProblems(
  data: Readonly<Row>,
  stored: Readonly<Row>,
  pointer: string,
): readonly Problem[] {
  return CONTENT.filter((column) => data[column] !== undefined && data[column] !== stored[column]).map(
    (column) => ({ pointer: `${pointer}/${column}`, message: 'changes by a release only' }),
  )
}

export function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  throw new BiodmError('invalid_body', 'The file is not acceptable.', { errors: problems.slice(0, PROBLEMS) })
}
