/** Reads and checks a request's body: media type, encoding, size and time, then its bytes (json-bytes.ts). */
import type { IncomingMessage } from 'node:http'
import { BiodmError } from '../errors.js'
import type { BodyBudget, BodyLease } from './body-budget.js'
import { parseJson } from './json-bytes.js'

export interface BodyLimits {
  readonly bytes: number
  readonly depth: number
  /** From the headers to the last byte, ms. */
  readonly timeMs: number
  /** How long a body may wait for memory, ms. */
  readonly waitMs: number
}

export interface ReadBody {
  readonly value: unknown
  /** Held until the request is answered; null without a body. */
  readonly lease: BodyLease | null
}

const NONE: ReadBody = Object.freeze({ value: undefined, lease: null })

export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}

/** The JSON value of the body, undefined without one. Rejects with 400, 408, 413, 415 or 503. */
export async function readJson(
  request: IncomingMessage,
  limits: BodyLimits,
  budget: BodyBudget,
): Promise<ReadBody> {
  checkEncoding(request.headers['content-encoding'])
  if (!hasBody(request)) return NONE
  checkMediaType(request.headers['content-type'])
  if (Number(request.headers['content-length']) > limits.bytes) throw tooLarge(limits.bytes)
  const lease = budget.open()
  try {
    const bytes = await collect(request, limits, lease)
    lease.complete()
    return { value: parseJson(bytes, limits.depth), lease }
  } catch (error) {
    lease.release()
    throw error
  }
}

function checkEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding === '' || encoding.toLowerCase() === 'identity') return
  throw new BiodmError('unsupported_media_type', 'Bodies are taken without a Content-Encoding', {
    headers: { 'Accept-Encoding': 'identity' },
  })
}

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i

/** What `curl -d` says of every body. */
const FORM = /^application\/x-www-form-urlencoded\b/i

function checkMediaType(type: string | undefined): void {
  if (type === undefined || type === 'application/json' || JSON_TYPE.test(type)) return
  const hint = FORM.test(type)
    ? ": send -H 'Content-Type: application/json', which curl does not by itself"
    : ''
  throw new BiodmError('unsupported_media_type', `Bodies are taken as application/json, in UTF-8${hint}`, {
    headers: { Accept: 'application/json' },
  })
}

const tooLarge = (limit: number): BiodmError =>
  new BiodmError('body_too_large', `The body is larger than ${limit} bytes, which is the limit here`)

/** All bytes of the stream. Chunks that do not fit into memory yet are left unread. */
function collect(request: IncomingMessage, limits: BodyLimits, lease: BodyLease): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let ended = false
    let waiting: NodeJS.Timeout | null = null

    const settle = (finish: () => void): void => {
      clearTimeout(timer)
      if (waiting !== null) clearTimeout(waiting)
      request.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost)
      finish()
    }
    const fail = (error: BiodmError): void =>
      settle(() => {
        request.resume()
        reject(error)
      })
    const deliver = (): void =>
      settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)))
    const proceed = (): void => {
      if (waiting !== null) clearTimeout(waiting)
      waiting = null
      if (ended) deliver()
      else request.resume()
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > limits.bytes) {
        fail(tooLarge(limits.bytes))
        return
      }
      chunks.push(chunk)
      if (lease.grow(chunk.length, proceed)) return
      request.pause()
      waiting ??= setTimeout(() => fail(busy()), limits.waitMs)
    }
    const onEnd = (): void => {
      ended = true
      if (waiting === null) deliver()
    }
    // The stream also closes after its end, which may come while the last of it waits for memory.
    const onLost = (): void => {
      if (!ended) fail(new BiodmError('bad_request', 'The body ended before it was complete'))
    }
    const timer = setTimeout(() => fail(new BiodmError('request_timeout')), limits.timeMs)
    request.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost)
  })
}

const busy = (): BiodmError =>
  new BiodmError('unavailable', 'Too many large bodies are being worked on; try again in a moment', {
    headers: { 'Retry-After': '5' },
  })
