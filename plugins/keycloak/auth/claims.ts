import { fromKeycloak } from '../paths.js'

/** What the claims of an access token must say. */
export interface ClaimRules {
  readonly issuer: string
  readonly audience: string
  readonly clientId: string
  readonly usernameClaim: string
  readonly groupsClaim: string
}

/** Who a good access token speaks for. */
export interface Person {
  /** Keycloak's id of the user, `User.id` here. */
  readonly sub: string
  /** Lower case. */
  readonly username: string
  /** Our paths. */
  readonly groups: readonly string[]
  /** Group claims without an exact counterpart here, as they came. */
  readonly ignoredGroups: readonly string[]
  /** Seconds since the epoch. */
  readonly exp: number
}

/** `reason` is a sentence for the caller; `kind` tells the log what an operator could mend. */
export interface Refusal {
  readonly kind: 'expired' | 'audience' | 'issuer' | 'other'
  readonly reason: string
}

export type Verdict = { readonly person: Person } | { readonly refusal: Refusal }

/** Seconds by which clocks may differ. */
export const TOLERANCE = 30
/** Seconds from now that `exp` may lie ahead. */
export const LONGEST_LIFE = 24 * 3600

export type Claims = Readonly<Record<string, unknown>>

/**
 * Judges the claims of a token whose signature is good; `now` in seconds since the epoch. Keycloak signs refresh, ID and
 * other clients' tokens with the same keys, so every rule here keeps one of them out.
 */
export function judgeClaims(claims: Claims, rules: ClaimRules, now: number): Verdict {
  for (const [kind, broken, reason] of CLAIM_RULES) {
    if (broken(claims, rules, now)) return { refusal: { kind, reason } }
  }
  const username = text(claims[rules.usernameClaim])?.toLowerCase()
  const sub = text(claims['sub'])
  const exp = claims['exp']
  if (username === undefined || sub === undefined || typeof exp !== 'number') {
    return { refusal: { kind: 'other', reason: 'The token does not say who it was issued for.' } }
  }
  return { person: { sub, username, exp, ...groupsOf(claims[rules.groupsClaim]) } }
}

type Rule = readonly [
  kind: Refusal['kind'],
  broken: (claims: Claims, rules: ClaimRules, now: number) => boolean,
  reason: string,
]

const CLAIM_RULES: readonly Rule[] = [
  ['issuer', ({ iss }, { issuer }) => iss !== issuer, 'The token was issued by somebody else.'],
  ['other', ({ typ }) => typ !== 'Bearer', 'The token is not an access token.'],
  ['other', ({ exp }) => !isTime(exp), 'The token has no expiry.'],
  ['expired', ({ exp }, _, now) => isTime(exp) && exp + TOLERANCE <= now, 'The token has expired.'],
  [
    'other',
    ({ exp }, _, now) => isTime(exp) && exp > now + LONGEST_LIFE + TOLERANCE,
    'The token lives too long.',
  ],
  ['other', ({ nbf }, _, now) => !isPast(nbf, now), 'The token is not valid yet.'],
  ['other', ({ iat }, _, now) => !isPast(iat, now), 'The token was issued in the future.'],
  ['audience', ({ aud }, { audience }) => !holds(aud, audience), 'The token is for another audience.'],
  [
    'other',
    ({ azp }, { clientId }) => azp !== undefined && azp !== clientId,
    'The token belongs to another client.',
  ],
]

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** Absent, or a time that has come. */
const isPast = (value: unknown, now: number): boolean =>
  value === undefined || (isTime(value) && value <= now + TOLERANCE)

const holds = (audience: unknown, wanted: string): boolean =>
  audience === wanted || (Array.isArray(audience) && audience.includes(wanted))

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** No claim means no groups; anything but full paths is ignored. */
function groupsOf(claim: unknown): Pick<Person, 'groups' | 'ignoredGroups'> {
  const groups = new Set<string>()
  const ignoredGroups: string[] = []
  for (const entry of Array.isArray(claim) ? claim : []) {
    const path = typeof entry === 'string' ? fromKeycloak(entry) : null
    if (path === null) ignoredGroups.push(String(entry))
    else groups.add(path)
  }
  return { groups: Object.freeze([...groups]), ignoredGroups }
}
