/**
 * Hints for what other systems write: PostgREST, Django, JSON:API, Strapi, OData and Rails. Nothing here changes what a
 * query means; it is asked only about a parameter that was refused already.
 */
import type { Parameter } from './query-string.js'

/** How a comparison of another system is written here. */
type Write = (field: string, value: string) => string

const call =
  (operator: string): Write =>
  (field, value) =>
    `${field}.${operator}(${value})`
const equal: Write = (field, value) => `${field}=${value.replace(/^[[({](.*)[\])}]$/, '$1')}`
const around =
  (before: string, after: string): Write =>
  (field, value) =>
    `${field}=${before}${value}${after}`
const like: Write = (field, value) => `${field}=${value.replaceAll('%', '*')}`
const isNull =
  (of: boolean): Write =>
  (field, value) =>
    /^(false|0|not[._ ]?null)$/i.test(value) === of ? `${field}.not_null()` : `${field}.null()`

const OPERATORS: Readonly<Record<string, Write>> = {
  lt: call('lt'),
  le: call('le'),
  lte: call('le'),
  gt: call('gt'),
  ge: call('ge'),
  gte: call('ge'),
  ne: call('ne'),
  neq: call('ne'),
  not: call('ne'),
  '<': call('lt'),
  '<=': call('le'),
  '>': call('gt'),
  '>=': call('ge'),
  '!': call('ne'),
  '!=': call('ne'),
  '<>': call('ne'),
  '=': equal,
  eq: equal,
  equals: equal,
  exact: equal,
  iexact: equal,
  in: equal,
  contains: around('*', '*'),
  icontains: around('*', '*'),
  startswith: around('', '*'),
  istartswith: around('', '*'),
  endswith: around('*', ''),
  iendswith: around('*', ''),
  like,
  ilike: like,
  is: isNull(true),
  isnull: isNull(true),
  null: isNull(true),
  notnull: isNull(false),
}

const PAGE = 'a page is written `start=20&end=40`: rows 20 to 39'
const SORT = 'an order is written `sort=name,-size`, with `-` for descending'
const FIELDS = 'what is shown is written `fields=name,files.filename`; without `fields` it is every column'
const FILTER = 'conditions stand in the query by themselves, as `name=a` or `size.gt(10)`'
const SEARCH = 'text is found with wildcards, as `name=*term*`'

const SUBJECTS: readonly (readonly [hint: string, words: string])[] = [
  [
    PAGE,
    'limit offset page per_page perpage page_size pagesize page_number pagenumber skip top take rows first max_results',
  ],
  [SORT, 'order order_by orderby ordering sort_by sortby sort_order sort_dir direction'],
  [FIELDS, 'select only columns attributes include includes expand populate embed depth'],
  [FILTER, 'filter filters where'],
  [SEARCH, 'search query term keyword'],
]

const WORDS: ReadonlyMap<string, string> = new Map(
  SUBJECTS.flatMap(([hint, words]) => words.split(' ').map((word) => [word, hint] as const)),
)

const LONGEST = 60

const write = (text: string): string | null =>
  text === '' || text.length > LONGEST ? null : `write \`${text}\``

function operator(name: string): Write | undefined {
  const word = name.toLowerCase().replace(/^[$_](?=\w)/, '')
  return Object.hasOwn(OPERATORS, word) ? OPERATORS[word] : undefined
}

/** `a__b__lt`: the last part may be an operator, the others are a path. */
function pathOf(names: readonly string[], value: string): string | null {
  const last = operator(names.at(-1) ?? '')
  if (last === undefined) return write(equal(names.join('.'), value))
  return names.length < 2 ? null : write(last(names.slice(0, -1).join('.'), value))
}

/** `x[lt]`, `filter[x][_lt]`, `page[size]`. */
function bracketed(path: string, value: string): string | null {
  const [first = '', ...rest] = path.split(/[[\].]+/).filter((part) => part !== '')
  const subject = WORDS.get(first.toLowerCase()) ?? (first === 'fields' ? FIELDS : undefined)
  if (subject !== undefined && subject !== FILTER) return subject
  const names = subject === undefined ? [first, ...rest] : rest
  return names.length === 0 ? FILTER : pathOf(names, value)
}

/** About a name that is no field. */
function ofName(path: string, value: string): string | null {
  const word = WORDS.get(path.toLowerCase().replace(/^[$_]/, ''))
  if (word !== undefined) return word
  if (path.includes('[')) return bracketed(path, value)
  const sign = /^([\w.]+) ?(<>|[<>]=?|!=?)(.*)$/.exec(path)
  if (sign !== null) {
    const [, field = '', mark = '', rest = ''] = sign
    return rest === ''
      ? signed(field, mark === '!' || mark.length === 2 ? mark : `${mark}=`, value)
      : signed(field, mark, rest)
  }
  const names = path.split('__')
  return names.length > 1 && !names.includes('') ? pathOf(names, value) : null
}

const signed = (field: string, mark: string, value: string): string | null =>
  write(operator(mark)?.(field, value) ?? '')

/** About a value that its field does not take: `lt.2`, `gte:3`, `>4`, `1..5`, `null`. */
function ofValue(field: string, value: string): string | null {
  if (/^(null|none|nil)$/i.test(value)) return write(`${field}.null()`)
  const range = /^\[?([^.\s]+)(?:\.\.| TO )([^.\s\]]+)\]?$/.exec(value)
  if (range !== null) return write(`${field}.ge(${range[1]})&${field}.le(${range[2]})`)
  const form = /^(not\.)?(\w+)(?:[.:](.*)|\((.*)\))$/.exec(value) ?? /^()(<>|[<>]=?|!=?|=)(.*)$/.exec(value)
  const [, not, name = '', behind, inside = ''] = form ?? []
  const made = operator(name)
  if (made === undefined) return null
  const text = behind ?? inside
  if (not !== 'not.') return write(made(field, text))
  if (name === 'is') return write(`${field}.not_null()`)
  return name === 'eq' ? write(`${field}.ne(${text})`) : null
}

/** What `x.gte(2)`, with an operator that there is not here, would be. */
export const operatorHint = ({ path, operator: name, argument }: Parameter): string | null =>
  write(operator(name ?? '')?.(path, argument) ?? '')

/** What a filter parameter would be here; null: nothing known. `isField`: its name is one, so its value is at fault. */
export function filterHint({ path, operator, argument }: Parameter, isField: boolean): string | null {
  if (operator !== null) return null
  return isField ? ofValue(path, argument) : ofName(path, argument)
}

/** `x:desc`, `x.desc`, `x desc`, `+x`, `x,desc` → `-x`. */
export function sortHint({ argument }: Parameter): string | null {
  const terms: string[] = []
  for (const term of argument.split(',')) {
    const before = terms.at(-1)
    if (/^(asc|desc)(ending)?$/i.test(term) && before !== undefined)
      terms[terms.length - 1] = directed(before, term)
    else {
      const form = /^(.+?)[.: ](asc|desc)(ending)?$/i.exec(term)
      terms.push(form === null ? term.replace(/^[ +]/, '') : directed(form[1] ?? '', form[2] ?? ''))
    }
  }
  const text = terms.join(',')
  return text === argument ? null : write(`sort=${text}`)
}

const directed = (field: string, word: string): string =>
  /^desc/i.test(word) && !field.startsWith('-') ? `-${field}` : field

/** `*`, `id,files(name)`, `files{name}`, `files/name`. */
export function fieldsHint({ argument }: Parameter): string | null {
  if (argument.includes('*'))
    return 'without `fields` every column is shown; a relation stands for its columns'
  return /[(){}/:]/.test(argument) ? 'fields of related rows are written `files.filename`' : null
}
