/**
 * Every error a client can meet, in one table: the code is part of the API, the sentences are not.
 * `respond` turns a `BiodmError` into `application/problem+json` (RFC 9457); everything else becomes `internal`.
 */
export const ERRORS = {
  invalid_body: { status: 400, title: 'The body does not fit the resource' },
  missing_fields: { status: 400, title: 'Required fields are missing' },
  invalid_query: { status: 400, title: 'The query is not valid' },
  malformed_json: { status: 400, title: 'The body is not acceptable JSON' },
  empty_body: { status: 400, title: 'The body is empty' },
  invalid_id: { status: 400, title: 'The path does not hold a valid key' },
  bad_request: { status: 400, title: 'The request is malformed' },
  authentication_required: { status: 401, title: 'Authentication is required' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  invalid_credentials: { status: 401, title: 'The user name or password is wrong' },
  forbidden: { status: 403, title: 'You may not do this' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The path does not support this method' },
  not_acceptable: { status: 406, title: 'No acceptable representation' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  unique_violation: { status: 409, title: 'A row with the same unique values exists' },
  reference_missing: { status: 409, title: 'A referenced row does not exist' },
  still_referenced: { status: 409, title: 'The row is still referenced' },
  not_latest_version: { status: 409, title: 'Only the latest version can be released' },
  versioned_readonly: {
    status: 409,
    title: 'The fields of a strictly versioned resource change by release only',
  },
  file_not_uploaded: { status: 409, title: 'The file has not been uploaded' },
  conflict: { status: 409, title: 'The request conflicts with another one' },
  body_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  range_not_satisfiable: { status: 416, title: 'The range cannot be satisfied' },
  rate_limited: { status: 429, title: 'Too many attempts' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'The service is not available for the moment' },
  timeout: { status: 504, title: 'The request took too long' },
  storage_full: { status: 507, title: 'The storage is full' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof ERRORS

/** One problem inside a request: `pointer` (RFC 6901) into the body, or the `parameter` of the query as sent. */
export interface Problem {
  readonly pointer?: string
  readonly parameter?: string
  readonly message: string
}

export interface ErrorOptions {
  readonly errors?: readonly Problem[]
  /** Response headers, e.g. `Retry-After`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>
  /** For the log only, never sent. */
  readonly cause?: unknown
}

/**
 * The one error class that reaches a client as it is. `detail` is a sentence for a person: what is wrong and what
 * to do. Plugins throw it to answer with a code of the table.
 */
export class BiodmError extends Error {
  override readonly name = 'BiodmError'
  readonly code: ErrorCode
  readonly status: number
  readonly errors: readonly Problem[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, detail?: string, options: ErrorOptions = {}) {
    if (!Object.hasOwn(ERRORS, code)) throw new TypeError(`there is no error code "${code}"`)
    super(detail ?? ERRORS[code].title, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = ERRORS[code].status
    this.errors = Array.isArray(options.errors) ? options.errors : []
    this.headers = options.headers ?? {}
  }
}

const isInstance = Function.prototype[Symbol.hasInstance]

/** `instanceof BiodmError` is also true of an error that a plugin took from another copy of this package. */
Object.defineProperty(BiodmError, Symbol.hasInstance, {
  value(this: () => void, value: unknown): boolean {
    if (isInstance.call(this, value) || this !== (BiodmError as unknown)) return isInstance.call(this, value)
    return (
      value instanceof Error &&
      value.name === 'BiodmError' &&
      'code' in value &&
      Object.hasOwn(ERRORS, String(value.code))
    )
  },
})
