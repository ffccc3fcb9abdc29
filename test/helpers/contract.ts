/**
 * Holds answers against the server's own OpenAPI document: the status, the media type, the headers and the body must be
 * what the document says of the operation, and so must the body of a request that was accepted.
 */
import { type ErrorObject, Ajv2020 as Validator } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { type Client, type ClientResponse, clientOf, type RequestOptions } from '../../src/runtime/client.js'

type Schema = Readonly<Record<string, unknown>>

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}
interface Response extends Content {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean; readonly schema: Schema }>>
}
interface Operation {
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses: Readonly<Record<string, Schema>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Schema>>>>
}

export interface Contract {
  /** The same client; what it is answered is held against the document. */
  held(client: Client): Client
  /** Where answers and document differ. */
  readonly faults: readonly string[]
  /** Operations and statuses that were seen: `get /datasets/{id} 200`. */
  readonly seen: ReadonlySet<string>
  /** Documented successes that nobody was given so far, in the same form. */
  unseen(): readonly string[]
}

/** Headers of every answer, or of the connection: no operation speaks of them. */
const GENERAL: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'x-content-type-options',
  'x-request-id',
])

export function contractOf(source: unknown): Contract {
  const document = strict(source) as Document
  const validate = validatorOf(document)
  const operations = operationsOf(document)
  const faults: string[] = []
  const seen = new Set<string>()

  const hold = (sent: RequestOptions, answer: ClientResponse): void => {
    const method = (sent.method ?? 'GET').toLowerCase()
    const found = operations.find(method === 'head' ? 'get' : method, sent.path)
    const label = `${method} ${found?.template ?? sent.path.split('?', 1)[0]} ${answer.status}`
    seen.add(label)
    const told = found === undefined ? problemsOf(validate, answer) : held(found, method, sent, answer)
    for (const fault of told) {
      const line = `${label}: ${fault}`
      if (!faults.includes(line)) faults.push(line)
    }
  }
  const held = (
    { template, method: documented, operation }: Found,
    method: string,
    sent: RequestOptions,
    answer: ClientResponse,
  ): string[] => {
    const pointer = `#/paths/${escaped(template)}/${documented}`
    const place = resolved(
      document,
      operation.responses[answer.status],
      `${pointer}/responses/${answer.status}`,
    )
    if (place === null) return [`the status is not documented; body ${JSON.stringify(answer.body)}`]
    return [
      ...headerFaults(validate, place, answer),
      ...(method === 'head' ? [] : bodyFaults(validate, place, answer)),
      ...(answer.status < 300 ? requestFaults(validate, operation, pointer, sent) : []),
    ]
  }
  return {
    held: (client) =>
      clientOf(async (sent) => {
        const answer = await client.request(sent)
        hold(sent, answer)
        return answer
      }),
    faults,
    seen,
    unseen: () => operations.successes.filter((success) => !seen.has(success)),
  }
}

type Validate = (pointer: string, value: unknown) => string[]

function validatorOf(document: Document): Validate {
  const ajv = new Validator({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ ...document, $id: 'document' })
  return (pointer, value) => {
    const check = ajv.getSchema(`document${pointer}`)
    if (check === undefined) throw new Error(`there is no schema at ${pointer}`)
    if (check(value) === true) return []
    return [...new Set((check.errors ?? []).map(sentence))].map(
      (fault) => `${fault} in ${JSON.stringify(value)}`,
    )
  }
}

const sentence = ({ instancePath, message, params }: ErrorObject): string =>
  `${instancePath.replaceAll(/\/\d+/g, '/*')} ${message} ${JSON.stringify(params)}`

interface Found {
  readonly template: string
  readonly method: string
  readonly operation: Operation
}

function operationsOf(document: Document) {
  const paths = Object.entries(document.paths)
    .map(([template, item]) => ({ template, item, pattern: patternOf(template) }))
    // fixed segments win over `{names}`
    .sort((a, b) => a.template.split('{').length - b.template.split('{').length)
  return {
    find(method: string, url: string): Found | undefined {
      const [path = ''] = url.split('?', 1)
      const fit = paths.find(({ pattern }) => pattern.test(path))
      const operation = fit?.item[method]
      return fit === undefined || operation === undefined
        ? undefined
        : { template: fit.template, method, operation }
    },
    successes: paths.flatMap(({ template, item }) =>
      Object.entries(item).flatMap(([method, { responses }]) =>
        Object.keys(responses)
          .filter((status) => Number(status) < 400)
          .map((status) => `${method} ${template} ${status}`),
      ),
    ),
  }
}

const patternOf = (template: string): RegExp => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`)

const escaped = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))

interface Place {
  readonly response: Response
  readonly pointer: string
}

function resolved(document: Document, given: Schema | undefined, pointer: string): Place | null {
  if (given === undefined) return null
  const reference = given['$ref']
  if (typeof reference !== 'string') return { response: given as Response, pointer }
  const [, , kind = '', name = ''] = reference.split('/')
  return { response: document.components[kind]?.[name] as Response, pointer: reference }
}

function headerFaults(validate: Validate, { response, pointer }: Place, answer: ClientResponse): string[] {
  const documented = Object.entries(response.headers ?? {})
  const names = new Set(documented.map(([name]) => name.toLowerCase()))
  const absent = documented
    .filter(([name, { required }]) => required === true && answer.headers[name.toLowerCase()] === undefined)
    .map(([name]) => `the header ${name} is missing`)
  const extra = Object.keys(answer.headers)
    .filter((name) => !GENERAL.has(name) && !names.has(name))
    .map((name) => `the header ${name} is not documented`)
  const wrong = documented.flatMap(([name, { schema }]) => {
    const text = answer.headers[name.toLowerCase()]
    if (text === undefined) return []
    const value = schema['type'] === 'integer' ? Number(text) : text
    return validate(`${pointer}/headers/${escaped(name)}/schema`, value).map((fault) => `${name}: ${fault}`)
  })
  return [...absent, ...extra, ...wrong]
}

const typeOf = ({ headers }: ClientResponse): string => (headers['content-type'] ?? '').split(';', 1)[0] ?? ''

function bodyFaults(validate: Validate, { response, pointer }: Place, answer: ClientResponse): string[] {
  const types = Object.keys(response.content ?? {})
  const type = typeOf(answer)
  if (types.length === 0) {
    return answer.body === undefined && type === '' ? [] : [`a body of ${type} where none is documented`]
  }
  if (!types.includes(type)) return [`the media type ${type} is not documented (${types.join(', ')} is)`]
  return validate(`${pointer}/content/${escaped(type)}/schema`, answer.body)
}

/** What was accepted is what the document asks for. */
function requestFaults(
  validate: Validate,
  { requestBody }: Operation,
  pointer: string,
  { body }: RequestOptions,
): string[] {
  if (requestBody === undefined)
    return body === undefined ? [] : ['a body is accepted where none is documented']
  if (body === undefined)
    return requestBody.required === true ? ['no body is accepted where one is documented as required'] : []
  const value = typeof body === 'string' ? JSON.parse(body) : body
  return validate(`${pointer}/requestBody/content/application~1json/schema`, value).map(
    (fault) => `the request, which was accepted: ${fault}`,
  )
}

/** Of paths and methods that no operation describes, only problems come. */
function problemsOf(validate: Validate, answer: ClientResponse): string[] {
  if (answer.status < 400) return []
  if (typeOf(answer) !== 'application/problem+json') return [`a problem of type ${typeOf(answer)}`]
  return validate('#/components/schemas/Problem', answer.body)
}

/** Objects have no members but the documented ones, so that an answer with more is a fault. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict)
  if (typeof value !== 'object' || value === null) return value
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, strict(part)]))
  const object = [parts['type']].flat().includes('object') && typeof parts['properties'] === 'object'
  return object && parts['additionalProperties'] === undefined
    ? { ...parts, additionalProperties: false }
    : parts
}
