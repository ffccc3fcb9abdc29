/** Calls to Keycloak's public endpoints (keys, tokens, logout), one time limit over answer and body. */

/** Milliseconds in which one call must be over. */
export const CALL_LIMIT = 3_000
/** Bytes of an answer that are read; more is nonsense. */
const LARGEST_ANSWER = 4 * 1024 * 1024

/** Keycloak answered with an error of its own; `body` is parsed JSON or null. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly body: unknown

  constructor(url: string, status: number, body: unknown) {
    super(`${new URL(url).pathname} answered ${status}`)
    this.status = status
    this.body = body
  }
}

/** JSON of a 2xx answer. Throws `HttpError` on another status, any other error when there is no (sensible) answer. */
export async function fetchJson(url: string, init: Omit<RequestInit, 'signal'> = {}): Promise<unknown> {
  const { status, text } = await call(url, init)
  const body = parse(text)
  if (status < 200 || status > 299) throw new HttpError(url, status, body)
  if (body === null) throw new Error(`${new URL(url).pathname} answered no JSON`)
  return body
}

/** As `fetchJson`, for endpoints that answer 204. */
export async function fetchEmpty(url: string, init: Omit<RequestInit, 'signal'>): Promise<void> {
  const { status, text } = await call(url, init)
  if (status === 204) return
  if (status >= 200 && status <= 299) throw new Error(`${new URL(url).pathname} answered ${status}, not 204`)
  throw new HttpError(url, status, parse(text))
}

async function call(
  url: string,
  init: Omit<RequestInit, 'signal'>,
): Promise<{ status: number; text: string }> {
  const controller = new AbortController()
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer in ${CALL_LIMIT} ms`, 'TimeoutError')),
    CALL_LIMIT,
  )
  try {
    const response = await fetch(url, { redirect: 'error', ...init, signal: controller.signal })
    return { status: response.status, text: await readText(response) }
  } finally {
    clearTimeout(timer)
  }
}

async function readText(response: Response): Promise<string> {
  let bytes = 0
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > LARGEST_ANSWER) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
