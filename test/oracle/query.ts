/** Queries as data, and how a client would write them. */
import type { Value } from './values.js'

/** A literal, or the pieces between wildcards. */
export type Alternative = { readonly literal: Value } | { readonly pieces: readonly string[] }

export type Test =
  | { readonly kind: 'equals'; readonly column: string; readonly alternatives: readonly Alternative[] }
  | {
      readonly kind: 'compare'
      readonly column: string
      readonly operator: 'lt' | 'le' | 'gt' | 'ge' | 'ne'
      readonly value: Value
    }
  | { readonly kind: 'null'; readonly column: string; readonly not: boolean }
  | { readonly kind: 'relation'; readonly relation: string; readonly not: boolean }
  | {
      readonly kind: 'extreme'
      readonly column: string
      readonly function: 'min' | 'max'
      readonly among: boolean
    }
  | { readonly kind: 'version'; readonly function: 'min' | 'max' }

export interface Term {
  readonly path: readonly string[]
  readonly test: Test
}

export interface SortTerm {
  readonly path: readonly string[]
  readonly column: string
  readonly descending: boolean
}

export interface Query {
  readonly terms: readonly Term[]
  readonly sort: readonly SortTerm[]
  /** Paths of columns or relations; null: the default shape. */
  readonly fields: readonly (readonly string[])[] | null
  readonly start: number | null
  readonly end: number | null
  readonly count: boolean
}

const escaped = (text: string): string => text.replace(/[\\,*]/g, (character) => `\\${character}`)

const written = (value: Value): string => escaped(String(value))

function term({ path, test }: Term): readonly [name: string, value: string | null] {
  const at = (name: string) => [...path, name].join('.')
  switch (test.kind) {
    case 'equals': {
      const values = test.alternatives.map((each) =>
        'literal' in each ? written(each.literal) : each.pieces.map(escaped).join('*'),
      )
      return [at(test.column), values.join(',')]
    }
    case 'compare':
      return [`${at(test.column)}.${test.operator}(${written(test.value)})`, null]
    case 'null':
      return [`${at(test.column)}.${test.not ? 'not_null' : 'null'}()`, null]
    case 'relation':
      return [`${at(test.relation)}.${test.not ? 'not_null' : 'null'}()`, null]
    case 'extreme':
      return [`${at(test.column)}.${test.function}${test.among ? '_a' : ''}()`, null]
    case 'version':
      return [`${at('version')}.${test.function}_v()`, null]
  }
}

/** `style` chooses among the ways a client may encode the same query. */
export function writeQuery(query: Query, style: number): string {
  const parameters: (readonly [string, string | null])[] = query.terms.map(term)
  if (query.sort.length > 0) {
    const terms = query.sort.map(
      ({ path, column, descending }) => `${descending ? '-' : ''}${[...path, column].join('.')}`,
    )
    parameters.push(['sort', terms.join(',')])
  }
  if (query.fields !== null) parameters.push(['fields', query.fields.map((path) => path.join('.')).join(',')])
  if (query.start !== null) parameters.push(['start', String(query.start)])
  if (query.end !== null) parameters.push(['end', String(query.end)])
  if (query.count) parameters.push(['count', 'True'])
  const text =
    style % 3 === 0
      ? new URLSearchParams(
          parameters.map(([name, value]): [string, string] => [name, value ?? '']),
        ).toString()
      : parameters
          .map(([name, value]) =>
            value === null ? encoded(name) : `${encoded(name)}=${encodeURIComponent(value)}`,
          )
          .join('&')
  return style % 5 === 0 ? `q=${encodeURIComponent(text)}` : text
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll('%2C', ',').replaceAll('%3A', ':')
