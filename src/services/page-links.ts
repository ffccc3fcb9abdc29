/** `Link` of a page (RFC 8288): the same query with another `start` and `end`. */
import type { ListPlan } from '../plan/plan.js'

const MOVED: ReadonlySet<string> = new Set(['start', 'end'])

/** Null where there is nothing before and nothing behind. */
export function pageLinks(path: string, query: string, plan: ListPlan, more: boolean): string | null {
  const { start, end } = plan
  const size = end - start
  if (size === 0 || (start === 0 && !more)) return null
  const kept = query === '' ? [] : keptSegments(query)
  const link = (rel: string, from: number, to: number): string =>
    `<${[`${path}?start=${from}&end=${to}`, ...kept].join('&')}>; rel="${rel}"`
  const links = more ? [link('next', end, end + size)] : []
  if (start > 0) links.push(link('prev', Math.max(0, start - size), start))
  links.push(link('first', 0, size))
  return links.join(', ')
}

/** The parameters as they were sent, `q` resolved, without those that move; fit to stand between `<` and `>`. */
function keptSegments(query: string): readonly string[] {
  return query
    .split('&')
    .flatMap((segment) => (segment.startsWith('q=') ? nested(segment) : [segment]))
    .filter((segment) => segment !== '' && !MOVED.has(decodeURIComponent(segment.split('=')[0] ?? '')))
    .map((segment) => segment.replace(/[^\w\-.~!$'()*+,;:@/?%=]/gu, (unsafe) => encodeURIComponent(unsafe)))
}

const nested = (segment: string): string[] =>
  decodeURIComponent(segment.slice('q='.length).replaceAll('+', ' ')).replaceAll(' ', '%20').split('&')
