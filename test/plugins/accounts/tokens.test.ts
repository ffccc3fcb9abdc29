import { request } from 'node:http'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import t from 'tap'
import { Accounts } from '../../../plugins/accounts/manager.js'
import { type Api, startApi } from '../../helpers/api.js'

const CONFIG = `
plugins: { accounts: {} }
resources:
  Note: { columns: { text: string(50)! }, access: { read: authenticated } }
`

function accountsOf(api: Api): Accounts {
  const accounts = api.runtime.core.managers['accounts']
  if (accounts instanceof Accounts) return accounts
  throw new Error('no accounts')
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

interface Forgery {
  readonly header: Record<string, unknown>
  readonly payload: Record<string, unknown>
  readonly signature: string
}

t.test('tampered, expired, unsigned and wrongly typed tokens are 401', async (t) => {
  const api = await startApi(t, CONFIG)
  const accounts = accountsOf(api)
  const good = await accounts.tokens.issue('ada', ['lab'])
  const key = await accounts.keys.current()
  const [head = '', body = '', signature = ''] = good.split('.')
  const now = Math.floor(Date.now() / 1000)
  const genuine: Forgery = {
    header: decodeProtectedHeader(good) as never,
    payload: decodeJwt(good),
    signature,
  }
  const forge = (change: Partial<Forgery>): string => {
    const { header, payload, signature } = { ...genuine, ...change }
    return `${encode(header)}.${encode(payload)}.${signature}`
  }
  const signed = (payload: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: key.kid, ...header })
      .sign(key.secret)
  const claims = { iss: 'biodm:accounts', sub: 'ada', groups: [], iat: now, exp: now + 60 }
  const attacks: Record<string, string> = {
    'other groups': forge({ payload: { ...genuine.payload, groups: ['admin'] } }),
    'a name that is no text': await signed({ ...claims, sub: 5 } as never),
    'another name': forge({ payload: { ...genuine.payload, sub: 'root' } }),
    'no signature': `${head}.${body}.`,
    'algorithm none': `${encode({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${body}.`,
    'algorithm None': `${encode({ alg: 'None', typ: 'at+jwt', kid: key.kid })}.${body}.`,
    'another algorithm': await signed(claims, { alg: 'HS512' }),
    'another type': await signed(claims, { typ: 'JWT' }),
    'a refresh type': await signed(claims, { typ: 'refresh' }),
    'an unknown key': await signed(claims, { kid: 'x' }),
    'another issuer': await signed({ ...claims, iss: 'elsewhere' }),
    expired: await signed({ ...claims, iat: now - 1000, exp: now - 60 }),
    'no expiry': await signed({ ...claims, exp: undefined }),
    'no issue': await signed({ ...claims, iat: undefined }),
    'too long a life': await signed({ ...claims, iat: now - 3600, exp: now + 3600 }),
    'issued in the future': await signed({ ...claims, iat: now + 3600, exp: now + 7200 }),
    'no name': await signed({ ...claims, sub: undefined }),
    'groups that are no list': await signed({ ...claims, groups: 'admin' }),
    'groups of objects': await signed({ ...claims, groups: [{ path: 'admin' }] }),
    'a refresh token': `${'a'.repeat(22)}.${'b'.repeat(43)}`,
    nonsense: 'x.y.z',
    empty: '',
  }
  const read = (authorization: string) => api.get('/notes', { authorization })
  t.equal((await read(`Bearer ${good}`)).status, 200, 'the genuine one passes')
  for (const [name, token] of Object.entries(attacks)) {
    const { status, body, headers } = await read(`Bearer ${token}`)
    t.match({ status, code: body.code }, { status: 401, code: 'invalid_token' }, name)
    t.match(headers['www-authenticate'], /^Bearer .*error="invalid_token"/, name)
  }
  for (const other of [`Basic ${good}`, good, 'Bearer', `Bearer ${good} ${good}`, `Token ${good}`]) {
    t.equal((await read(other)).status, 401, other.slice(0, 12))
  }
  t.equal(
    (await api.get('/live', { authorization: 'Bearer x' })).status,
    200,
    'a bad token does not matter here',
  )
})

t.test('of two Authorization headers none counts', async (t) => {
  const api = await startApi(t, CONFIG)
  const good = `Bearer ${await accountsOf(api).tokens.issue('ada', [])}`
  for (const [values, status] of [
    [[good], 200],
    [[good, good], 401],
    [[good, 'Bearer bad'], 401],
    [['Bearer bad', good], 401],
  ] as const) {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const headers = values.flatMap((value) => ['Authorization', value])
      const all = [...headers, 'Host', new URL(api.url).host]
      const sent = request(`${api.url}/notes`, { headers: all }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject).end()
    })
    t.equal(answer, status)
  }
})

t.test('a retired key verifies for a while, a new one signs', async (t) => {
  const api = await startApi(t, CONFIG)
  const accounts = accountsOf(api)
  const before = await accounts.tokens.issue('ada', [])
  await accounts.keys.rotate(true)
  const after = await accounts.tokens.issue('ada', [])
  t.not(decodeProtectedHeader(before).kid, decodeProtectedHeader(after).kid)
  for (const token of [before, after]) {
    t.equal((await api.get('/notes', { authorization: `Bearer ${token}` })).status, 200)
  }
  const other = new Accounts({
    store: (await import('../../../src/managers/store.js')).createStore(
      api.runtime.core.database,
      'accounts',
    ),
    adminGroup: 'admin',
  } as never)
  t.match(await other.tokens.verify(after), { username: 'ada' }, 'another process knows the keys')
})
