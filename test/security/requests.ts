/** Requests made from an OpenAPI document: right ones, and ones with nonsense in them. */
import fc from 'fast-check'

type Schema = Readonly<Record<string, unknown>>
interface Operation {
  readonly parameters?: readonly Schema[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Schema>>>>
}

const junkText = fc.constantFrom(
  '',
  '0',
  '1',
  '2',
  '1_1',
  '1_2',
  '2_1',
  '-1',
  '9'.repeat(30),
  'null',
  'true',
  '%',
  '%00',
  '\u0000',
  '\ud800',
  "'",
  '"',
  '\\',
  '\\*',
  '*',
  'a,b',
  ',',
  'a'.repeat(300),
  '__proto__',
  'constructor',
  'genomics',
  'a__b',
  '.',
  '..',
  'schema',
  'é',
  '💾',
  '1e3',
  'NaN',
  '2026-02-30',
  '2026-01-31',
  '2026-01-31T10:00:00Z',
  '0000-01-01',
  '00000000-0000-0000-0000-000000000000',
  '; DROP TABLE user',
  '${x}',
  '{{}}',
)
const junkQuery = fc.constantFrom(
  'size.gt(1)',
  'size.lt(',
  'size.gt()',
  'name.null()',
  'name.not_null()',
  'size.min()',
  'size.max()',
  'name.max_a()',
  'version.max_v()',
  'version.min_v()',
  'project.name=a*',
  'files.filename=b',
  'tags.name.ne(x)',
  'cover.title=*',
  'datasets.files.id.ge(1)',
  'perm_datasets=1',
  'secret=x',
  'sort=-project.name',
  'sort=secret',
  'sort=tags.name',
  'fields=id,project.name,files.dataset.name',
  'fields=*',
  'fields=..',
  'fields=a.b.c.d.e',
  'start=1&end=0',
  'start=-1',
  'end=99999999999999',
  'start=1e3',
  'count=true',
  'count=maybe',
  'q=name%3Da',
  'q=%25',
  'q=q%3D1',
  'name=',
  '=x',
  '&&',
  '%',
  'a[b]=1',
  'name=a&name=b',
  'ratio.ge(1e400)',
  'day.lt(2026-13-01)',
  'meta=1',
  'open=TRUE',
  'ref=x',
  'budget.gt(1.005)',
  'groups.path=admin',
  'parent.path=a',
)
const junkValue = fc.oneof(
  junkText,
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    1,
    -1,
    1.5,
    2 ** 53,
    1e308,
    [],
    {},
    [[]],
    [null],
    [{}],
    [1],
    { id: 1 },
    { id: 1, version: 1 },
    [{ id: 1 }],
  ),
)

/** How to make values: from which document, and whether some of them are nonsense. */
interface Making {
  readonly document: Document
  readonly junk: boolean
}

/** Values that a schema allows; with `junk`, now and then one that it does not. */
function valueFor(schema: Schema, making: Making, depth: number): fc.Arbitrary<unknown> {
  const right = { arbitrary: rightValue(schema, making, depth), weight: 12 }
  return making.junk ? fc.oneof(right, { arbitrary: junkValue, weight: 1 }) : right.arbitrary
}

function rightValue(schema: Schema, making: Making, depth: number): fc.Arbitrary<unknown> {
  const reference = schema['$ref']
  if (typeof reference === 'string') return rightValue(resolve(reference, making.document), making, depth)
  const union = (schema['oneOf'] ?? schema['anyOf']) as readonly Schema[] | undefined
  if (union !== undefined) return fc.oneof(...union.map((part) => rightValue(part, making, depth)))
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  const [type = 'any'] = [schema['type']].flat()
  if (type === 'object') return objectOf(schema, making, depth)
  if (type === 'array') {
    return depth > 3
      ? fc.constant([])
      : fc.array(valueFor((schema['items'] ?? {}) as Schema, making, depth + 1), { maxLength: 3 })
  }
  return scalar(String(type), schema)
}

function resolve(reference: string, document: Document): Schema {
  const [, , kind = '', name = ''] = reference.split('/')
  return document.components[kind]?.[name] ?? {}
}

/** Out of 12: what rows need is mostly there, keys and foreign keys seldom. */
function likelihood(name: string): number {
  if (['name', 'filename', 'path', 'username', 'left', 'right', 'project'].includes(name)) return 11
  return /(^|_)(id|version)$/.test(name) ? 1 : 3
}

function objectOf(schema: Schema, making: Making, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>)
  const nested = ([, part]: [string, Schema]): boolean =>
    'anyOf' in part || part['type'] === 'array' || [part['type']].flat().includes('object')
  const kept = depth > 2 ? properties.filter((property) => !nested(property)) : properties
  const fields = kept.map(([name, part]) => {
    const value = valueFor(part, making, depth + 1).map((given) => [name, given] as const)
    return fc.oneof(
      { arbitrary: value, weight: likelihood(name) },
      { arbitrary: fc.constant(null), weight: 12 - likelihood(name) },
    )
  })
  return fc.tuple(...fields).map((entries) => Object.fromEntries(entries.filter((entry) => entry !== null)))
}

/** A row with the greatest key leaves no number for the next one: that is answered by 507, and meant to be. */
const MAX_SERIAL = 2 ** 31 - 1

function scalar(type: string, { format, minimum, maximum }: Schema): fc.Arbitrary<unknown> {
  if (type === 'integer')
    return fc.oneof(
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(minimum ?? 0, maximum === MAX_SERIAL ? 9 : (maximum ?? 9)),
    )
  if (type === 'number') return fc.double({ noNaN: true, noDefaultInfinity: true })
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  if (type === 'any') return fc.jsonValue({ maxDepth: 2 })
  if (format === 'date') return fc.constantFrom('2026-01-31', '2024-02-29')
  if (format === 'date-time') return fc.constantFrom('2026-01-31T10:00:00Z', '1999-12-31T23:59:59.999+02:00')
  if (format === 'uuid') return fc.uuid()
  return fc.oneof(
    fc.constantFrom('a', 'b', 'c', '1.50', 'x__y'),
    fc.string({ maxLength: 8, unit: 'grapheme' }),
  )
}

export interface Sent {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** All operations of the document alike. */
export function requests(document: Document): fc.Arbitrary<Sent> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  return fc
    .constantFrom(...operations)
    .chain(({ path, method, operation }) => requestOf(path, method, operation, document))
}

function requestOf(
  template: string,
  method: string,
  operation: Operation,
  document: Document,
): fc.Arbitrary<Sent> {
  const keys = [...template.matchAll(/\{(\w+)\}/g)].map(() =>
    fc.oneof(fc.constantFrom('1', '2', '1_1', '2_1', 'a_1', 'a', 'x_1'), junkText),
  )
  const names = (operation.parameters ?? []).filter((parameter) => parameter['in'] === 'query')
  const own = names.map((parameter) =>
    valueFor((parameter['schema'] ?? {}) as Schema, { document, junk: true }, 2).map(
      (value) => `${String(parameter['name'])}=${encodeURIComponent(safe(value))}`,
    ),
  )
  const query =
    method === 'GET' ? fc.array(fc.oneof(junkQuery, ...own), { maxLength: 3 }) : fc.constant<string[]>([])
  const schema = operation.requestBody?.content['application/json'].schema
  const bodies = (junk: boolean) => valueFor(schema ?? {}, { document, junk }, 0)
  const body = schema === undefined ? fc.constant(undefined) : fc.oneof(bodies(false), bodies(true))
  return fc.tuple(fc.tuple(...keys), query, body).map(([values, terms, given]) => {
    const left = [...values]
    const path = template.replace(/\{\w+\}/g, () => encodeURIComponent(safe(left.shift())))
    return {
      method,
      path: terms.length === 0 ? path : `${path}?${terms.join('&')}`,
      ...(given === undefined ? {} : { body: given }),
    }
  })
}

/** Lone surrogates cannot be percent-encoded. */
const safe = (value: unknown): string =>
  String(typeof value === 'object' ? JSON.stringify(value) : value).replace(/\p{Surrogate}/gu, '?')
