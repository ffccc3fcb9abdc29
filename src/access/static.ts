/**
 * Static rules: what an operator's `access:` says about a verb of a resource, before any row is looked at. Everything
 * that reaches a resource asks here: its own routes, relations, filters, nested objects of a write.
 */
import type { AccessRule } from '../config/definition.js'
import { BiodmError } from '../errors.js'
import type { Row } from '../hooks.js'
import { admittingPaths, type Caller } from '../identity.js'
import type { Resource } from '../model/model.js'

/** `authenticate`: an anonymous caller meets a rule that somebody with a token might pass: 401. `forbid`: 403. */
export type Judgement = 'pass' | 'authenticate' | 'forbid'

/** The parts of a resource that static rules are about. */
export type Ruled = Pick<Resource, 'name' | 'access' | 'createNeedsLogin' | 'primaryKey'>

/** What `self_or_admin` needs to know: the row's key, and the names that the request gives for it. */
export interface Subject {
  readonly key: Readonly<Row> | null
  readonly given: readonly string[]
}

const PUBLIC: AccessRule = Object.freeze({ kind: 'public' })

/** Sent with every 401. */
export const CHALLENGE: Readonly<Record<string, string>> = Object.freeze({
  'WWW-Authenticate': 'Bearer realm="biodm"',
})
/** Sent with the 401 of a token that is present but bad (RFC 6750). */
export const INVALID_TOKEN_CHALLENGE: Readonly<Record<string, string>> = Object.freeze({
  'WWW-Authenticate': 'Bearer realm="biodm", error="invalid_token"',
})

export const ruleOf = (resource: Pick<Resource, 'access'>, verb: string): AccessRule =>
  resource.access.get(verb) ?? PUBLIC

/**
 * Whether `caller` may `verb` rows of `resource` as far as static rules go. `enforce: false`: always. Where a rule depends
 * on the row (`self_or_admin`), it passes here for identified callers unless `subject` says which row it is.
 */
export function judge(
  resource: Ruled,
  verb: string,
  caller: Caller,
  enforce: boolean,
  subject?: Subject,
): Judgement {
  if (!enforce || caller?.admin === true) return 'pass'
  if (caller === null) {
    const open = ruleOf(resource, verb).kind === 'public' && !(verb === 'create' && resource.createNeedsLogin)
    return open ? 'pass' : 'authenticate'
  }
  return admits(resource, ruleOf(resource, verb), caller, subject) ? 'pass' : 'forbid'
}

/** Throws 401 `authentication_required` or 403 `forbidden` unless `judge` passes. */
export function demand(
  resource: Ruled,
  verb: string,
  caller: Caller,
  enforce: boolean,
  subject?: Subject,
): void {
  const judgement = judge(resource, verb, caller, enforce, subject)
  if (judgement !== 'pass') throw refusal(judgement, resource.name, verb)
}

/** 401 for anonymous callers, 403 for others. */
export function refusal(
  judgement: Exclude<Judgement, 'pass'>,
  resource: string,
  verb: string,
  pointer?: string,
): BiodmError {
  const errors =
    pointer === undefined ? {} : { errors: [{ pointer, message: `needs the right to ${verb} ${resource}` }] }
  if (judgement === 'authenticate') {
    return new BiodmError('authentication_required', `Log in to ${verb} ${resource}`, {
      ...errors,
      headers: CHALLENGE,
    })
  }
  return new BiodmError('forbidden', `You may not ${verb} ${resource}`, errors)
}

/** What a caller who lacks a right is answered: 401 without an identity, else 403. */
export const lacking = (caller: Caller): Exclude<Judgement, 'pass'> =>
  caller === null ? 'authenticate' : 'forbid'

function admits(
  resource: Ruled,
  rule: AccessRule,
  caller: NonNullable<Caller>,
  subject: Subject | undefined,
): boolean {
  switch (rule.kind) {
    case 'public':
    case 'authenticated':
      return true
    case 'admin':
      return false
    case 'groups':
      return admittingPaths(caller).some((path) => rule.paths.includes(path))
    case 'self_or_admin':
      return subject === undefined || isOwn(resource, rule.columns, caller.username, subject)
  }
}

/** Only columns of the rule, beside the key itself, on the row whose one key column is the caller's name. */
function isOwn(resource: Ruled, columns: readonly string[], username: string, subject: Subject): boolean {
  const [key, second] = resource.primaryKey
  if (key === undefined || second !== undefined || subject.key?.[key.name] !== username) return false
  return subject.given.every((name) => columns.includes(name) || name === key.name)
}
