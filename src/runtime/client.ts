/** Requests inside the process: no socket, no token. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../identity.js'

export interface ClientResponse {
  readonly status: number
  /** Lower-case names; several lines of one header are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed when the answer is JSON, text otherwise, undefined when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is for the test to know
  readonly body: any
}

export interface RequestOptions {
  readonly method?: string
  /** With the query; the base path may be left out. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
}

type Headers = Readonly<Record<string, string>>

export interface Client {
  get(path: string, headers?: Headers): Promise<ClientResponse>
  post(path: string, body?: unknown, headers?: Headers): Promise<ClientResponse>
  put(path: string, body?: unknown, headers?: Headers): Promise<ClientResponse>
  patch(path: string, body?: unknown, headers?: Headers): Promise<ClientResponse>
  delete(path: string, headers?: Headers): Promise<ClientResponse>
  request(options: RequestOptions): Promise<ClientResponse>
}

/** The five methods over one `request`. */
export function clientOf(request: Client['request']): Client {
  const bare =
    (method: string) =>
    (path: string, headers: Headers = {}) =>
      request({ method, path, headers })
  const withBody =
    (method: string) =>
    (path: string, body?: unknown, headers: Headers = {}) =>
      request({ method, path, body, headers })
  return Object.freeze({
    get: bare('GET'),
    delete: bare('DELETE'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    request,
  })
}

type Handle = (request: IncomingMessage, response: ServerResponse, identity?: Caller) => void

/** `identity`: who asks; undefined: the authenticator decides by the headers. */
export function inProcessClient(handle: Handle, basePath: string, identity?: Caller): Client {
  const prefix = basePath === '/' ? '' : basePath
  return clientOf(async ({ method = 'GET', path, headers = {}, body }) => {
    const url = prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`)) ? path : prefix + path
    const payload = encodeBody(body)
    const { inject } = await import('light-my-request')
    const answer = await inject(
      (request, response) =>
        handle(request as unknown as IncomingMessage, response as ServerResponse, identity),
      {
        method: method as 'GET',
        url: {
          pathname: url.split('?', 1)[0] ?? '/',
          search: url.includes('?') ? url.slice(url.indexOf('?')) : '',
        } as never,
        headers: { ...(payload.json ? { 'content-type': 'application/json' } : {}), ...headers },
        ...(payload.data === undefined ? {} : { payload: payload.data }),
      },
    )
    return readAnswer(answer.statusCode, answer.headers, method === 'HEAD' ? '' : answer.payload)
  })
}

/** Body and type as they travel. */
export function encodeBody(body: unknown): {
  readonly data: string | Buffer | undefined
  readonly json: boolean
} {
  if (body === undefined) return { data: undefined, json: false }
  if (typeof body === 'string') return { data: Buffer.from(body), json: false }
  if (body instanceof Uint8Array) return { data: Buffer.from(body), json: false }
  return { data: JSON.stringify(body), json: true }
}

export function readAnswer(
  status: number,
  headers: Readonly<Record<string, unknown>>,
  text: string,
): ClientResponse {
  const flat = Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]),
  )
  const json = /^application\/(problem\+)?json\b/.test(flat['content-type'] ?? '')
  return { status, headers: flat, body: text === '' ? undefined : json ? JSON.parse(text) : text }
}
