/** `/_objects`: what clients of the embedded store talk to instead of a bucket. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { BiodmError, type RouteContext, type RouteResult } from 'biodm'
import { StoreError } from '../store.js'
import { discard, type Incoming, isAbsent, receive } from './files.js'
import { FORM_OVERHEAD, readForm } from './form.js'
import { type EmbeddedStore, prepare, uploadExists } from './index.js'
import { type Meta, putObject, readMeta, readObject } from './objects.js'
import { putPart } from './uploads.js'
import { type Policy, verifyPolicy, verifyUrl } from './urls.js'

/** Pages of any origin may use a signed address, as with a bucket that has the CORS rule of the manual. */
const OPEN = Object.freeze({
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag, Location, Content-Range',
})
/** A client that stops sending is cut off; there is no limit on the whole upload. */
const IDLE_MS = 60_000

/** POST /_objects: a form that was signed by `signForm`; 303 to its redirect. */
export async function takeForm(store: EmbeddedStore, ctx: RouteContext): Promise<RouteResult> {
  await prepare(store)
  const secret = await store.options.secret()
  patient(ctx.request)
  let incoming: Incoming | undefined
  try {
    const policy = await readForm(ctx.request, async (fields, file) => {
      const signed = verifyPolicy(secret, fields, Date.now())
      refuseLength(ctx.request, signed.size, signed.size + FORM_OVERHEAD)
      incoming = await receive(file, store.place.tmp, signed.size)
      return signed
    })
    if (incoming === undefined) throw new TypeError('a form without its file')
    checkContent(policy, incoming)
    const key = policy.fields['key'] ?? ''
    const meta = await putObject(store.place, key, policy.fields['Content-Type'] ?? '', incoming)
    return redirect(policy.fields['success_action_redirect'] ?? '', meta)
  } finally {
    if (incoming !== undefined) await discard(incoming.path)
  }
}

/** PUT /_objects/part: the bytes of one part, exactly as many as were signed; answers its ETag. */
export async function takePart(store: EmbeddedStore, ctx: RouteContext): Promise<RouteResult> {
  await prepare(store)
  const claims = verifyUrl(await store.options.secret(), 'part', ctx.query, Date.now())
  const { key = '', upload: uploadId = '' } = claims
  const size = Number(claims['size'])
  if (ctx.headers['content-length'] === undefined)
    throw new BiodmError('bad_request', 'A part needs the header Content-Length.')
  refuseLength(ctx.request, size, size)
  if (!(await uploadExists(store, key, uploadId))) throw gone()
  patient(ctx.request)
  const incoming = await receive(ctx.request, store.place.tmp, size)
  if (incoming.size !== size) {
    await discard(incoming.path)
    throw new BiodmError('bad_request', `The part has ${incoming.size} bytes instead of ${size}.`)
  }
  try {
    const etag = await putPart(store.place, { key, uploadId }, Number(claims['part']), incoming)
    return { status: 200, headers: { ...OPEN, ETag: `"${etag}"` } }
  } catch (error) {
    if (error instanceof StoreError && error.failure === 'missing') throw gone()
    throw error
  }
}

/** GET /_objects/object: the object, or the range of it that is asked for. */
export async function giveObject(store: EmbeddedStore, ctx: RouteContext): Promise<RouteResult> {
  const claims = verifyUrl(await store.options.secret(), 'download', ctx.query, Date.now())
  const meta = await readMeta(store.place, claims['key'] ?? '')
  if (meta === null) throw noObject()
  const headers = {
    ...OPEN,
    ETag: `"${meta.etag}"`,
    'Accept-Ranges': 'bytes',
    'Content-Type': claims['type'] ?? 'application/octet-stream',
    'Content-Disposition': claims['disposition'] ?? 'attachment',
    'Last-Modified': new Date(meta.modified).toUTCString(),
    // bytes of strangers: never run in the server's origin
    'Content-Security-Policy': 'sandbox',
    'X-Content-Type-Options': 'nosniff',
  }
  if (names(ctx.headers['if-none-match'], headers.ETag)) return { status: 304, headers }
  const range = rangeOf(ctx.headers['range'], ctx.headers['if-range'], headers.ETag, meta.size)
  const { start, end } = range ?? { start: 0, end: meta.size - 1 }
  const body = await opened(readObject(store.place, meta, start, end))
  return {
    status: range === null ? 200 : 206,
    headers: {
      ...headers,
      'Content-Length': String(end - start + 1),
      ...(range === null ? {} : { 'Content-Range': `bytes ${start}-${end}/${meta.size}` }),
    },
    body,
  }
}

/** Begins to read before anything is answered: an object that is deleted at this moment is 404, not a broken answer. */
async function opened(bytes: AsyncIterable<Uint8Array>): Promise<Readable> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    const first = await iterator.next()
    const all = async function* (): AsyncIterable<Uint8Array> {
      if (first.done !== true) yield first.value
      yield* { [Symbol.asyncIterator]: () => iterator }
    }
    return Readable.from(all(), { objectMode: false })
  } catch (error) {
    if (isAbsent(error)) throw noObject()
    throw error
  }
}

const noObject = (): BiodmError => new BiodmError('not_found', 'There is no such object any more.')

/**
 * One range, as RFC 9110 has it; null for the whole: none, several, malformed, or of another version (`If-Range`). Beyond the
 * end: 416.
 */
export function rangeOf(
  range: string | undefined,
  ifRange: string | undefined,
  etag: string,
  size: number,
): { start: number; end: number } | null {
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return null
  const match = /^bytes=(\d*)-(\d*)$/i.exec(range.replaceAll(' ', ''))
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return null
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null
  if (start >= size || end < start)
    throw new BiodmError('range_not_satisfiable', `The object has ${size} bytes.`, {
      headers: { 'Content-Range': `bytes */${size}` },
    })
  return { start, end }
}

/** Whether an `If-None-Match` names the ETag (RFC 9110: a list, weak ones too, or any). */
function names(condition: string | undefined, etag: string): boolean {
  const named = condition?.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return named?.some((one) => one === '*' || one === etag) === true
}

function checkContent(policy: Policy, incoming: { readonly size: number; readonly sha256: string }): void {
  if (incoming.size !== policy.size)
    throw new BiodmError(
      'bad_request',
      `The file has ${incoming.size} bytes; ${policy.size} were announced. Nothing was kept.`,
    )
  const checksum = policy.fields['x-amz-checksum-sha256']
  if (checksum !== undefined && checksum !== Buffer.from(incoming.sha256, 'hex').toString('base64'))
    throw new BiodmError('bad_request', 'The file has another SHA-256 than was announced. Nothing was kept.')
}

/** As S3 does: bucket, key and ETag are added to the redirect's own query. */
function redirect(target: string, meta: Meta): RouteResult {
  if (!URL.canParse(target)) return { status: 204, headers: { ...OPEN, ETag: `"${meta.etag}"` } }
  const url = new URL(target)
  url.searchParams.set('bucket', 'embedded')
  url.searchParams.set('key', meta.key)
  url.searchParams.set('etag', `"${meta.etag}"`)
  return { status: 303, headers: { ...OPEN, Location: url.href, ETag: `"${meta.etag}"` } }
}

/** Judged before reading: `least` and `most` bytes of body. */
function refuseLength(request: IncomingMessage, least: number, most: number): void {
  const announced = request.headers['content-length']
  if (announced === undefined) return
  const length = Number(announced)
  if (length < least || length > most)
    throw new BiodmError(
      'bad_request',
      `The body has ${length} bytes, which does not fit the size announced.`,
      {
        headers: { Connection: 'close' },
      },
    )
}

function patient(request: IncomingMessage): void {
  request.setTimeout?.(IDLE_MS, () => request.destroy())
}

const gone = (): BiodmError =>
  new BiodmError('not_found', 'This upload was completed, cancelled or has expired.')
