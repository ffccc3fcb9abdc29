import type { AuthRequest, Identity } from 'biodm'
import type { Keycloak } from '../manager.js'
import type { Person, Refusal } from './claims.js'
import { invalidToken, verifyAccessToken } from './verify.js'

/** Who asks, by the bearer token; null without one. Anything else in `Authorization` is a bad token. */
export function authenticate(request: AuthRequest, keycloak: Keycloak): Promise<Identity> | Identity | null {
  const header = request.headers['authorization']
  if (header === undefined) return null
  const token = /^bearer +([^\s]+)$/i.exec(header)?.[1]
  if (token === undefined) throw invalidToken('Send "Authorization: Bearer <access token>".')
  return keycloak.verified.get(token, () => verify(token, keycloak))
}

async function verify(token: string, keycloak: Keycloak): Promise<{ value: Identity; end: number }> {
  const { options, warn, adminGroup } = keycloak
  const rules = {
    issuer: keycloak.endpoints.issuer,
    audience: options.audience ?? options.client_id,
    clientId: options.client_id,
    usernameClaim: options.username_claim,
    groupsClaim: options.groups_claim,
  }
  const person = await verifyAccessToken(token, keycloak.keys, rules, Date.now(), (refusal, claims) => {
    const hint = HINTS[refusal.kind]
    if (hint !== undefined) warn(hint, { iss: claims['iss'], aud: claims['aud'], expected: rules })
  })
  if (person.ignoredGroups.length > 0) {
    warn(IGNORED, { username: person.username, groups: person.ignoredGroups })
  }
  await bind(person, keycloak)
  const identity = Object.freeze({
    username: person.username,
    groups: person.groups,
    admin: person.groups.includes(adminGroup),
  })
  keycloak.remember(identity, token)
  return { value: identity, end: person.exp * 1000 }
}

/** What an operator can mend when tokens with a good signature are refused. */
const HINTS: Readonly<Partial<Record<Refusal['kind'], string>>> = {
  audience:
    'a token without our audience was refused: the client needs an "Audience" mapper (oidc-audience-mapper) that adds it to access tokens',
  issuer: 'a token of another issuer was refused: `host` must be the address of Keycloak as browsers see it',
}

const IGNORED =
  'group claims without an exact counterpart were ignored: the "Group Membership" mapper needs "Full group path", and names may hold neither slashes nor "__"'

/**
 * A person is `sub`, not a name: the name of somebody deleted and made anew in Keycloak stays closed until an admin
 * releases it, and nobody takes another name along. A stored user without an id gets this one.
 */
async function bind(person: Person, keycloak: Keycloak): Promise<void> {
  const { rows } = keycloak
  const isBound = await rows.read((trx) => bound(trx, person, keycloak))
  if (isBound) return
  await rows.transaction(async (trx) => {
    if (await bound(trx, person, keycloak)) return
    if (await rows.claimId(trx, 'user', person.username, person.sub)) return
    throw invalidToken('The user was changed just now. Try again.')
  })
}

/** Whether nothing is left to do; throws when the name or the subject is somebody else's. */
async function bound(
  trx: Parameters<Keycloak['rows']['byName']>[0],
  { username, sub }: Person,
  { rows, warn }: Keycloak,
): Promise<boolean> {
  const [stored] = await rows.byName(trx, 'user', [username])
  const holders = await rows.byId(trx, 'user', [sub])
  if (holders.some(({ name }) => name !== username)) {
    warn('refused a token: its subject is stored under another name', { username, sub })
    throw invalidToken('The token belongs to a user that is known by another name here.')
  }
  if (stored === undefined || stored.id === sub) return true
  if (stored.id === null) return false
  warn('refused a token: the user of that name has another id', { username, sub, id: stored.id })
  throw invalidToken('The token belongs to another user of the same name. An admin can release the name.')
}
