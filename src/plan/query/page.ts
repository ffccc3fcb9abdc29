/** `start`, `end`, `count` and `sort`. */
import type { ServerSettings } from '../../config/definition.js'
import type { Resource } from '../../model/model.js'
import type { Sort } from '../plan.js'
import { type Asker, isStored, isToOne, relationOf, unknown, walk } from './fields.js'
import { sortHint } from './foreign.js'
import { bad, type QueryProblems } from './problems.js'
import type { Parameter } from './query-string.js'
import { FILTERABLE } from './values.js'

export interface Page {
  readonly start: number
  readonly end: number
}

/** The only parameter of its name; a second one is a fault. */
export function single(parameters: readonly Parameter[], problems: QueryProblems): Parameter | null {
  const [first, second] = parameters
  if (second !== undefined) problems.add(second.sent, 'is given twice')
  return first ?? null
}

/** Rows start..end-1. `start` alone: one page from there; `end` alone: from the first row. */
export function parsePage(
  start: Parameter | null,
  end: Parameter | null,
  settings: Pick<ServerSettings, 'pageSize' | 'maxPageSize'>,
  problems: QueryProblems,
): Page {
  const from = start === null ? 0 : position(start, problems)
  const to = end === null ? from + settings.pageSize : position(end, problems)
  if (end !== null && to < from) problems.add(end.sent, `is before \`start\`, which is ${from}`)
  if (end !== null && to - from > settings.maxPageSize) {
    problems.add(
      end.sent,
      `a page has at most ${settings.maxPageSize} rows; this one would have ${to - from}`,
    )
  }
  return { start: from, end: to }
}

const MAX_POSITION = 2 ** 52

function position(parameter: Parameter, problems: QueryProblems): number {
  const value = /^\d{1,16}$/.test(parameter.argument) ? Number(parameter.argument) : -1
  if (value >= 0 && value <= MAX_POSITION) return value
  problems.add(parameter.sent, 'is not the position of a row; rows are counted from 0')
  return 0
}

export function parseCount(parameter: Parameter | null, problems: QueryProblems): boolean {
  const value = parameter?.argument.toLowerCase()
  if (parameter !== null && value !== 'true' && value !== 'false') {
    problems.add(parameter.sent, 'is either `true` or `false`')
  }
  return value === 'true'
}

/** `-created_at,project.name`; the primary key that breaks ties is not part of the plan. */
export function parseSort(
  asker: Asker,
  resource: Resource,
  parameters: readonly Parameter[],
  maxTerms: number,
  problems: QueryProblems,
): readonly Sort[] {
  const found = new Map<string, Sort>()
  for (const parameter of parameters) {
    const read = (): void => {
      const terms = parameter.argument.split(',')
      if (terms.length > maxTerms) throw bad(`sorts by more than ${maxTerms} fields`)
      for (const term of terms) {
        const descending = term.startsWith('-')
        const path = descending ? term.slice(1) : term
        // A field that comes again changes nothing.
        if (!found.has(path)) found.set(path, sortTerm(asker, resource, path, descending))
      }
    }
    problems.attempt(parameter.sent, read, () => sortHint(parameter))
  }
  return Object.freeze([...found.values()])
}

function sortTerm(asker: Asker, resource: Resource, path: string, descending: boolean): Sort {
  const { hops, holder, last } = walk(asker, resource, path)
  const many = hops.find((relation) => !isToOne(relation))
  if (many !== undefined) throw bad(`\`${many.name}\` is a collection`, 'sort through to-one relations only')
  const column = holder.columns.get(last)
  if (column === undefined || !isStored(column)) {
    const step = relationOf(asker, holder, last)
    if (step === null) throw unknown(asker, holder, last)
    throw bad(`\`${last}\` is a relation`, 'sort by one of its fields')
  }
  if (!FILTERABLE[column.type].sort) throw bad(`\`${last}\` is ${column.type} and has no order`)
  return Object.freeze({ path: Object.freeze(hops.map(({ name }) => name)), column: last, descending })
}
