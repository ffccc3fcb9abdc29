import '../../helpers/seed.js'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { base64url, exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { VerifiedTokens } from '../../../plugins/keycloak/auth/cache.js'
import { judgeClaims, LONGEST_LIFE, TOLERANCE } from '../../../plugins/keycloak/auth/claims.js'
import { createKeySource } from '../../../plugins/keycloak/auth/jwks.js'
import { verifyAccessToken } from '../../../plugins/keycloak/auth/verify.js'
import { fromKeycloak, parsePath, segmentProblem } from '../../../plugins/keycloak/paths.js'
import { silentLog } from '../../../src/log.js'

const RULES = {
  issuer: 'https://kc.example.org/realms/omics',
  audience: 'api',
  clientId: 'api',
  usernameClaim: 'preferred_username',
  groupsClaim: 'groups',
}
const NOW = 1_800_000_000
const good: JWTPayload = {
  iss: RULES.issuer,
  sub: '5f0b1c1e-8f0e-4b39-9e3c-2d1f0a9b8c7d',
  typ: 'Bearer',
  azp: 'api',
  aud: ['api', 'account'],
  iat: NOW - 10,
  exp: NOW + 290,
  preferred_username: 'Alice',
  groups: ['/lab/rna', '/admin'],
}

t.test('a good access token says who it speaks for', async (t) => {
  const verdict = judgeClaims(good, RULES, NOW)
  t.match(verdict, { person: { username: 'alice', groups: ['lab__rna', 'admin'], ignoredGroups: [] } })
  t.match(
    judgeClaims({ ...good, groups: undefined }, RULES, NOW),
    { person: { groups: [] } },
    'no claim, no groups',
  )
  t.match(judgeClaims({ ...good, aud: 'api', azp: undefined }, RULES, NOW), { person: { username: 'alice' } })
})

const wrong: [string, Record<string, unknown>][] = [
  ['another issuer', { iss: 'https://kc.example.org/realms/other' }],
  ['an issuer that only starts alike', { iss: `${RULES.issuer}x` }],
  ['no issuer', { iss: undefined }],
  ['a refresh token', { typ: 'Refresh' }],
  ['an ID token', { typ: 'ID' }],
  ['no type', { typ: undefined }],
  ['no expiry', { exp: undefined }],
  ['an expiry that is text', { exp: String(NOW + 100) }],
  ['an expired one', { exp: NOW - TOLERANCE }],
  ['one that lives for ever', { exp: NOW + LONGEST_LIFE + TOLERANCE + 1 }],
  ['an expiry beyond numbers', { exp: Number.POSITIVE_INFINITY }],
  ['one not valid yet', { nbf: NOW + TOLERANCE + 1 }],
  ['a time that is text', { nbf: 'soon' }],
  ['one from the future', { iat: NOW + TOLERANCE + 1 }],
  ['another audience', { aud: ['account'] }],
  ['no audience', { aud: undefined }],
  ['an audience that only contains the name', { aud: 'api2' }],
  ['another client', { azp: 'portal' }],
  ['an empty client', { azp: '' }],
  ['no subject', { sub: undefined }],
  ['a subject that is no text', { sub: 7 }],
  ['no user name', { preferred_username: undefined }],
  ['an empty user name', { preferred_username: '' }],
]
t.test('every other claim set is refused', async (t) => {
  for (const [title, change] of wrong) {
    t.test(title, async (t) => t.ok('refusal' in judgeClaims({ ...good, ...change }, RULES, NOW)))
  }
})

t.test('clocks may differ by half a minute', async (t) => {
  for (const change of [{ exp: NOW - TOLERANCE + 1 }, { nbf: NOW + TOLERANCE }, { iat: NOW + TOLERANCE }]) {
    t.ok('person' in judgeClaims({ ...good, ...change }, RULES, NOW), JSON.stringify(change))
  }
})

t.test('a group claim without an exact counterpart is ignored', async (t) => {
  const claims: unknown[] = [
    'lab',
    '/lab~/rna',
    '//lab',
    '/',
    '',
    '/lab/..',
    '/a__b',
    '/_a',
    '/lab/',
    7,
    null,
    '/ok',
  ]
  const verdict = judgeClaims({ ...good, groups: claims }, RULES, NOW)
  t.match(verdict, { person: { groups: ['ok'] } })
  t.match(
    judgeClaims({ ...good, groups: '/admin' }, RULES, NOW),
    { person: { groups: [] } },
    'text is no list',
  )
})

t.test('paths go to Keycloak and back without a change', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      (names) => {
        const fits = names.every((name) => segmentProblem(name) === null)
        const ours = fromKeycloak(`/${names.join('/')}`)
        if (!fits) return names.some((name) => name.includes('/')) || ours === null
        const parsed = parsePath(names.join('__'))
        return (
          ours === names.join('__') && 'segments' in parsed && parsed.segments.join('/') === names.join('/')
        )
      },
    ),
  )
})

/** A key set on a socket, changeable and breakable. */
async function keyServer(t: Test) {
  const make = async (kid: string) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    return {
      kid,
      privateKey,
      publicKey,
      jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' },
    }
  }
  const state = { keys: [await make('k1')], status: 200, requests: 0, make }
  const server = createServer((_, response) => {
    state.requests += 1
    response.writeHead(state.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk) }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs` })
}

const sign = (
  claims: JWTPayload,
  key: { kid: string; privateKey: import('node:crypto').KeyObject },
  header = {},
) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header }).sign(key.privateKey)

t.test('only signatures of listed keys count', async (t) => {
  const server = await keyServer(t)
  const [key] = server.keys
  if (key === undefined) throw new Error('no key')
  const keys = createKeySource(server.url, silentLog())
  const check = (token: string) => verifyAccessToken(token, keys, RULES, NOW * 1000)
  const token = await sign(good, key)
  t.match(await check(token), { username: 'alice' })

  const foreign = await server.make('k1')
  const [head, body, signature] = token.split('.')
  const secret = new TextEncoder().encode(key.publicKey.export({ type: 'spki', format: 'pem' }).toString())
  const attacks: [string, string][] = [
    ['a key of the same name', await sign(good, foreign)],
    ['no signature', new UnsecuredJWT(good).encode()],
    ['none with a key id', `${base64url.encode(JSON.stringify({ alg: 'none', kid: 'k1' }))}.${body}.`],
    [
      'none in capitals',
      `${base64url.encode(JSON.stringify({ alg: 'NONE', kid: 'k1' }))}.${body}.${signature}`,
    ],
    [
      'the public key as a shared secret',
      await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret),
    ],
    [
      'another algorithm than the key',
      await new SignJWT(good).setProtectedHeader({ alg: 'RS512', kid: 'k1' }).sign(key.privateKey),
    ],
    [
      'a changed body',
      `${head}.${base64url.encode(JSON.stringify({ ...good, groups: ['/admin'], sub: 'x' }))}.${signature}`,
    ],
    ['a cut signature', token.slice(0, -10)],
    ['an empty signature', `${head}.${body}.`],
    [
      'a key in the header',
      await new SignJWT(good).setProtectedHeader({ alg: 'RS256', jwk: foreign.jwk }).sign(foreign.privateKey),
    ],
    [
      'an unknown critical header',
      `${base64url.encode(JSON.stringify({ alg: 'RS256', kid: 'k1', crit: ['x'], x: 1 }))}.${body}.${signature}`,
    ],
    ['two dots', '..'],
    ['nothing', ''],
    ['five parts', `${token}.x.y`],
    ['a body that is no object', await signText('[1]', key)],
    ['a body that is no JSON', await signText('{', key)],
  ]
  for (const [title, attack] of attacks) {
    t.test(title, async (t) => {
      await t.rejects(check(attack), { code: 'invalid_token' })
    })
  }
})

async function signText(text: string, key: { kid: string; privateKey: import('node:crypto').KeyObject }) {
  const { CompactSign } = await import('jose')
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'RS256', kid: key.kid })
    .sign(key.privateKey)
}

t.test('keys are kept, renewed and asked for with restraint', async (t) => {
  const server = await keyServer(t)
  const [first] = server.keys
  if (first === undefined) throw new Error('no key')
  const clock = { now: 1_000_000 }
  const keys = createKeySource(server.url, silentLog(), () => clock.now)

  await Promise.all(Array.from({ length: 20 }, () => keys.key('k1', 'RS256')))
  t.equal(server.requests, 1, 'simultaneous first uses ask once')

  await t.rejects(keys.key('k2', 'RS256'), { code: 'invalid_token' }, 'unknown, and asked a moment ago')
  t.equal(server.requests, 1)
  server.keys.push(await server.make('k2'))
  clock.now += 5_000
  await keys.key('k2', 'RS256')
  t.equal(server.requests, 2, 'a rotated key is found five seconds later')
  await Promise.allSettled(Array.from({ length: 50 }, (_, i) => keys.key(`made-up-${i}`, 'RS256')))
  t.equal(server.requests, 2, 'made-up ids ask nobody')

  server.status = 500
  clock.now += 24 * 3_600_000
  await keys.reloadIfDue()
  t.equal(server.requests, 3)
  await keys.key('k1', 'RS256')
  await t.rejects(keys.key('k3', 'RS256'), { code: 'unavailable' }, 'unknown while Keycloak fails')
  clock.now += 5_000
  server.status = 200
  const listed = server.keys.splice(0)
  await keys.reloadIfDue()
  t.equal(server.requests, 4)
  await keys.key('k1', 'RS256')
  await t.rejects(keys.key('k3', 'RS256'), { code: 'unavailable' }, 'a realm without keys is nonsense')
  clock.now += 5_000
  server.keys.push(...listed.slice(1))
  await keys.reloadIfDue()
  await t.rejects(keys.key('k1', 'RS256'), { code: 'invalid_token' }, 'a disabled key has left')
  t.equal(server.requests, 5)
  await keys.reloadIfDue()
  t.equal(server.requests, 5, 'fresh keys are not loaded again')
})

t.test(
  'verified tokens are believed for a minute, never beyond their end, and not without number',
  async (t) => {
    const clock = { now: 0 }
    const cache = new VerifiedTokens<string>(() => clock.now)
    let verified = 0
    const verify = (end: number) => async () => {
      verified += 1
      return { value: 'alice', end }
    }
    await Promise.all([cache.get('a', verify(1e6)), cache.get('a', verify(1e6))])
    t.equal(verified, 1, 'shared while it is being verified')
    t.equal(await cache.get('a', verify(1e6)), 'alice')
    t.equal(verified, 1)
    clock.now = 60_000
    await cache.get('a', verify(61_000))
    t.equal(verified, 2)
    clock.now = 61_000
    await cache.get('a', verify(1e6))
    t.equal(verified, 3, 'its own end counts')
    await t.rejects(Promise.resolve(cache.get('b', () => Promise.reject(new Error('bad')))))
    t.equal(cache.size, 1, 'failures are not kept')
    for (let i = 0; i < 12_000; i += 1) await cache.get(`t${i}`, verify(1e6))
    t.ok(cache.size <= 5_000)
  },
)
