import { BiodmError, type Problem } from 'biodm'
import { Refused } from './call.js'

/**
 * What Keycloak's 400 or 409 about a user means here. `errors[].pointer` is relative to the user's object (`/email`); whoever
 * knows where that is puts its own pointer in front. Other errors come back as they are.
 */
export function userRefusal(error: unknown, field?: string): unknown {
  if (!(error instanceof Refused)) return error
  if (error.status === 409) {
    const message = 'is taken by another user'
    return new BiodmError('unique_violation', 'The e-mail address belongs to another user of Keycloak.', {
      errors: [{ pointer: '/email', message }],
      cause: error,
    })
  }
  if (error.status === 404) {
    return new BiodmError('conflict', 'The user was deleted in Keycloak meanwhile. Try again.', {
      cause: error,
    })
  }
  const errors = problems(error.body, field)
  const detail = errors.map(({ pointer, message }) => `${(pointer ?? '').slice(1)}: ${message}`).join('; ')
  return new BiodmError('invalid_body', `Keycloak refused the user (${detail}).`, { errors, cause: error })
}

/**
 * Its three forms: `{ errors: [{ field, errorMessage, params }] }`, one such object by itself, and for a password
 * `{ error: 'invalidPassword…', error_description }`.
 */
function problems(body: Readonly<Record<string, unknown>>, field: string | undefined): Problem[] {
  const several = body['errors']
  if (Array.isArray(several)) return several.map((one) => problem(one, field))
  return [problem(body, field)]
}

function problem(value: unknown, field: string | undefined): Problem {
  const body: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {}
  const code = text(body['errorMessage']) ?? text(body['error']) ?? ''
  const about = text(body['field']) ?? field ?? (/password/i.test(code) ? 'password' : undefined)
  const params = Array.isArray(body['params']) ? body['params'] : []
  const message = MESSAGES[code]?.(params) ?? text(body['error_description']) ?? (code || 'not accepted')
  return { pointer: about === undefined ? '' : `/${about}`, message }
}

/** Sentences for the codes that people meet; `params` are the field's name, then the limits. */
const MESSAGES: Readonly<Record<string, (params: readonly unknown[]) => string>> = {
  'error-invalid-length': (params) => `must have ${params[1]} to ${params[2]} characters`,
  'error-username-invalid-character': () => 'contains a character that user names may not have',
  'error-person-name-invalid-character': () => 'contains a character that names may not have',
  'error-invalid-email': () => 'is no e-mail address',
  'error-user-attribute-read-only': () => 'cannot be changed',
  'error-user-attribute-required': () => 'is required',
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
