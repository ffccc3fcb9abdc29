/** The only place that writes bytes to a client. */
import type { ServerResponse } from 'node:http'
import { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BiodmError, ERRORS, type ErrorCode, type Problem } from '../errors.js'
import type { Answer } from '../services/core.js'
import { hasBody } from './body.js'
import type { Exchange } from './exchange.js'

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'
/** Nothing more is expected on the connection of a request that did not arrive in time. */
const LATE = ERRORS.request_timeout.status
/** How long the rest of a body that nobody reads may take before the connection is cut, ms. */
const DRAIN_MS = 30_000
/** The same of a body that came too slowly already. */
const LATE_MS = 500

/**
 * Sends an answer, once. A second one, of work that went on behind its deadline, is dropped. Returns whether this one was
 * sent.
 */
export function respond(exchange: Exchange, answer: Answer): boolean {
  if (exchange.answered) return false
  exchange.answered = true
  try {
    send(exchange, answer)
  } catch (error) {
    // A plugin's answer may hold what no header or JSON can: nothing of it has been sent then.
    if (answer.body instanceof Readable) answer.body.destroy()
    if (exchange.response.headersSent) throw error
    exchange.answered = false
    respondError(exchange, error)
  }
  return true
}

function send(exchange: Exchange, answer: Answer): void {
  const { body } = answer
  if (body instanceof Readable) {
    stream(exchange, answer, body)
    return
  }
  const content = contentOf(body)
  const head = headers(exchange, answer, content !== undefined)
  if (content !== undefined) head.push('Content-Length', String(Buffer.byteLength(content)))
  else if (answer.status !== 204 && answer.status !== 304) head.push('Content-Length', '0')
  exchange.response.writeHead(answer.status, head)
  exchange.response.end(content)
  drain(exchange)
}

/** From this many characters on, bytes made once cost less than text that is measured, joined to the head and written. */
const LARGE = 32_768

function contentOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body
  const text = typeof body === 'string' ? body : (JSON.stringify(body) as string | undefined)
  return text === undefined || text.length < LARGE ? text : Buffer.from(text)
}

/** Sends an error: those of the table as they are, anything else as `internal`, with its cause in the log. */
export function respondError(exchange: Exchange, error: unknown): boolean {
  const known = error instanceof BiodmError ? error : new BiodmError('internal', undefined, { cause: error })
  if (exchange.answered) return false
  report(exchange, known)
  return respond(exchange, {
    status: known.status,
    headers: { ...ownHeaders(known), 'Content-Type': PROBLEM_TYPE, ...extraHeaders(known) },
    body: problemBody(known, exchange),
  })
}

/** What a plugin put into an error may not be JSON: the sentence is, without the list. */
function problemBody(error: BiodmError, exchange: Exchange): string {
  try {
    return problem(error, exchange.id, error.errors)
  } catch (cause) {
    exchange.log.error({ err: cause, code: error.code }, 'the `errors` of an error are no JSON')
    return problem(error, exchange.id, [])
  }
}

const FRAMING: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'connection',
])

/** Headers of an error but for those that describe the body, which is ours. */
const ownHeaders = ({ headers }: BiodmError): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.has(name.toLowerCase())))

/** RFC 9457. What an internal error says stays in the log. */
function problem(error: BiodmError, requestId: string | undefined, errors: readonly Problem[]): string {
  const { title, status } = ERRORS[error.code]
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail:
      error.code === 'internal' ? 'The request failed; the log of the server has the cause' : error.message,
    code: error.code,
    ...(errors.length > 0 ? { errors } : {}),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  })
}

function extraHeaders(error: BiodmError): Readonly<Record<string, string>> {
  const { status, headers: given } = error
  if (status === 401 && given['WWW-Authenticate'] === undefined) {
    const detail = error.code === 'invalid_token' ? ' error="invalid_token"' : ''
    return { 'WWW-Authenticate': `Bearer${detail}` }
  }
  if ((status === 503 || status === 429) && given['Retry-After'] === undefined) return { 'Retry-After': '2' }
  return {}
}

function report(exchange: Exchange, error: BiodmError): void {
  if (error.status < 500) return
  const { method, path } = exchange
  const facts = { method, path, status: error.status, code: error.code, err: error.cause ?? error }
  if (error.code === 'internal') exchange.log.error(facts, 'request failed')
  else exchange.log.warn(facts, error.message)
}

/** Names and values in turn, as `writeHead` takes them fastest. */
function headers(exchange: Exchange, answer: Answer, hasContent: boolean): string[] {
  const list = ['X-Request-Id', exchange.id, 'X-Content-Type-Options', 'nosniff']
  const typed = answer.headers !== undefined && addHeaders(list, answer.headers)
  if (hasContent && !typed) list.push('Content-Type', JSON_TYPE)
  if (exchange.last || answer.status === LATE) list.push('Connection', 'close')
  return list
}

/** Returns whether a media type is among them. */
function addHeaders(list: string[], given: NonNullable<Answer['headers']>): boolean {
  let typed = false
  for (const [name, value] of Object.entries(given)) {
    if (name.length === 12 && name.toLowerCase() === 'content-type') typed = true
    if (typeof value === 'string') list.push(name, value)
    else for (const one of value) list.push(name, one)
  }
  return typed
}

function stream(exchange: Exchange, answer: Answer, body: Readable): void {
  exchange.response.writeHead(answer.status, headers(exchange, answer, true))
  if (exchange.method === 'HEAD') {
    body.destroy()
    exchange.response.end()
    return
  }
  pipeline(body, exchange.response).catch((error: unknown) => {
    exchange.log.debug({ err: error }, 'a streamed answer was cut')
  })
}

/** A refused body is read to its end, for a while, so that its sender sees the answer. */
function drain({ request, response }: Exchange): void {
  if (request.complete || !hasBody(request)) return
  const { socket } = request
  // Requests inside the process have no connection to cut.
  if (!(socket instanceof Duplex)) return
  const patience = response.statusCode === LATE ? LATE_MS : DRAIN_MS
  const timer = setTimeout(() => socket.destroy(), patience).unref()
  const done = (): void => clearTimeout(timer)
  request.once('end', done).once('close', done)
  response.once('close', () => {
    if (!request.complete) request.resume()
  })
}

/** An answer to what never became a request: bytes that are no HTTP, endless headers, silence. */
export function respondRaw(
  socket: Duplex & { readonly _httpMessage?: ServerResponse },
  code: ErrorCode,
  detail: string,
): void {
  const busy = socket._httpMessage?.headersSent === true
  if (!socket.writable || busy) {
    socket.destroy()
    return
  }
  const body = problem(new BiodmError(code, detail), undefined, [])
  const { status, title } = ERRORS[code]
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `Date: ${new Date().toUTCString()}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
