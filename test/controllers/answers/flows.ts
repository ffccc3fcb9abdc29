/** What a client does with the routes that are no operations on rows: of the server, of accounts, of files. */
import type { Test } from 'tap'
import type { Client, ClientResponse } from '../../../src/runtime/client.js'
import { fillForm } from '../../plugins/keycloak/suites/auth.js'
import type { FakeWorld } from '../../plugins/keycloak/world.js'
import { sendForm } from '../../plugins/s3/store-suite.js'
import { formOf, MB, type Part, sendParts } from '../../plugins/s3/world.js'
import type { World } from './tour.js'

type Callers = Pick<World, 'admin' | 'outsider' | 'anonymous' | 'badToken' | 'tooLarge'>

const JSON_TYPE = { 'content-type': 'application/json' }

/** Bodies that no route takes. */
async function wrongBodies(client: Client, method: string, path: string, tooLarge: number): Promise<void> {
  const send = (body: unknown, headers: Readonly<Record<string, string>>) =>
    client.request({ method, path, body, headers })
  await send('<a/>', { 'content-type': 'text/xml' })
  await send('{', JSON_TYPE)
  await send(`"${'x'.repeat(tooLarge)}"`, JSON_TYPE)
  await send({ nonsense: [] }, {})
}

/** `/live`, `/ready`, `/schema`, `/swagger`, `/metrics`, and what is nowhere. */
export async function rootFlow(t: Test, { admin, anonymous, badToken }: Callers): Promise<void> {
  for (const path of ['/live', '/ready', '/schema', '/swagger', '/metrics']) {
    t.equal((await admin.get(path)).status, 200, path)
    await anonymous.get(path, badToken)
    const refused = await admin.post(path, {})
    t.equal(refused.status, 405, `POST ${path}`)
    t.match(refused.headers['allow'], /GET/)
    t.equal((await admin.request({ method: 'OPTIONS', path })).status, 204)
  }
  for (const path of ['/nowhere', '/live/', '//', '/%E0%A4%A'])
    t.ok([400, 404].includes((await admin.get(path)).status), path)
  t.equal((await admin.get(`/schema?${'x'.repeat(9000)}`)).status, 414)
}

/** Of the accounts plugin; `admin` may make users. */
export async function accountsFlow(t: Test, callers: Callers): Promise<void> {
  const { admin, anonymous, badToken, tooLarge } = callers
  const user = { username: 'una', password: 'a long password' }
  t.equal((await admin.post('/users', user)).status, 201)
  const tokens = await anonymous.post('/login', user)
  t.equal(tokens.status, 200)
  for (const path of ['/login', '/refresh', '/logout']) await wrongBodies(anonymous, 'POST', path, tooLarge)
  const bearer = { authorization: `Bearer ${tokens.body.access_token}` }
  t.equal((await anonymous.get('/authenticated', bearer)).status, 200)
  t.equal((await anonymous.get('/authenticated')).status, 401)
  t.equal((await anonymous.get('/authenticated', badToken)).status, 401)
  const renewed = await anonymous.post('/refresh', { refresh_token: tokens.body.refresh_token })
  t.equal(renewed.status, 200)
  t.equal((await anonymous.post('/refresh', { refresh_token: 'none' })).status, 401)
  t.equal((await anonymous.post('/logout', { refresh_token: renewed.body.refresh_token })).status, 204)
  const own = (password: string, current?: string) =>
    anonymous.put(
      '/users/una',
      { password, ...(current === undefined ? {} : { current_password: current }) },
      bearer,
    )
  t.equal((await own('another password')).status, 400)
  t.equal((await own('another password', 'wrong')).status, 403)
  t.equal((await own('another password', user.password)).status, 200)
}

/** Ten failures of a name are enough. */
export async function lockedFlow(t: Test, { anonymous }: Callers): Promise<void> {
  const wrong = { username: 'una', password: 'wrong' }
  const statuses: number[] = []
  for (let n = 0; n < 11; n += 1) statuses.push((await anonymous.post('/login', wrong)).status)
  t.ok(statuses.includes(401) && statuses.at(-1) === 429, statuses.join())
}

/** Of the s3 plugin: `path` of the files, `body` of a new one but for its name and size. */
export async function filesFlow(
  t: Test,
  { admin, outsider, anonymous, tooLarge }: Callers,
  path: string,
  absent: string,
  about: () => Readonly<Record<string, unknown>>,
): Promise<void> {
  const hello = Buffer.from('hello')
  const announce = async (filename: string, size: number) => {
    const made = await admin.post(path, { ...about(), filename, extension: 'txt', size })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    return { at: String(made.headers['location']), parts: made.body.upload.parts as Part[] }
  }
  const small = await announce('small', hello.length)
  const [part] = small.parts
  t.equal((await admin.get(`${small.at}/download`)).body.code, 'file_not_uploaded')
  t.equal((await admin.put(`${small.at}/complete`)).body.code, 'file_not_uploaded')
  t.equal((await admin.get(`${small.at}/upload`)).status, 200)
  const sent = await sendForm(formOf(part as Part), hello)
  const callback = new URL(sent.headers.get('location') ?? '')
  t.equal((await anonymous.get(callback.pathname + callback.search)).status, 201)
  t.equal((await anonymous.get(`${callback.pathname}?token=x`)).status, 403)
  t.equal((await admin.get(`${small.at}/download`)).status, 307)
  t.equal((await admin.get(`${small.at}/download?redirect=false`)).status, 200)
  t.equal((await admin.get(`${small.at}/download?redirect=maybe`)).status, 400)
  t.equal((await admin.get(`${small.at}/upload`)).status, 404)
  t.equal((await admin.post(`${small.at}/upload`)).status, 409)

  const large = await announce('large', 6 * MB)
  await wrongBodies(admin, 'PUT', `${large.at}/complete`, tooLarge)
  t.equal((await admin.put(`${large.at}/complete`, [{ PartNumber: 1, ETag: 'none' }])).status, 400)
  const bytes = Buffer.alloc(6 * MB)
  t.equal((await admin.put(`${large.at}/complete`, await sendParts(large.parts, bytes))).status, 201)

  const given = await announce('given up', 7)
  t.equal((await admin.post(`${given.at}/upload`)).status, 201)
  t.equal((await admin.delete(`${given.at}/upload`)).status, 204)
  t.equal((await admin.delete(`${given.at}/upload`)).status, 404)
  for (const client of [outsider, anonymous]) {
    for (const [method, route] of ROUTES) await client.request({ method, path: `${given.at}/${route}` })
  }
  for (const [method, route] of ROUTES) {
    t.equal(
      (await admin.request({ method, path: `${path}/${absent}/${route}` })).status,
      // Without its token the callback tells nothing of what exists.
      route === 'post_success' ? 403 : 404,
      `${method} ${route}`,
    )
    t.equal((await admin.request({ method, path: `${path}/x/${route}` })).status, 400, `${method} ${route}`)
  }
}

const NOBODY = '00000000-0000-4000-8000-00000000ffff'

/** Each conflict that a client can cause, in the world of all types. */
export async function conflictFlow(t: Test, { admin }: Callers): Promise<void> {
  const code = (expected: string, { status, body }: ClientResponse) =>
    t.match({ status, code: body?.code }, { status: 409, code: expected })
  const [thing] = (await admin.post('/things', [{ big: 1, name: 'x', code: 'same', parts: [{ number: 1 }] }]))
    .body
  const edition = await admin.post('/editions', { title: 'x' })
  const at = String(edition.headers['location'])
  await admin.post(`${at}/release`)
  await admin.post('/tags', { name: 'firm', note: 'x' })
  const above = thing.parts[0].id
  await admin.post('/parts', { number: 2, thing: { id: thing.id }, above: { id: above } })
  code('unique_violation', await admin.post('/things', { big: 1, name: 'y', code: 'same' }))
  code('reference_missing', await admin.post('/parts', { number: 1, thing: { id: NOBODY } }))
  code('still_referenced', await admin.delete(`/parts/${above}`))
  code('not_latest_version', await admin.post(`${at}/release`))
  code('versioned_readonly', await admin.put('/tags/firm_1', { note: 'y' }))
}

/** Of the keycloak plugin, on the fake one. */
export async function keycloakFlow(
  t: Test,
  { admin, outsider, anonymous, badToken, tooLarge }: Callers,
  world: FakeWorld,
): Promise<void> {
  const login = await anonymous.get('/login')
  t.equal(login.status, 200)
  const back = await fillForm(login.body, 'bob')
  const tokens = await anonymous.get(`/syn_ack${back.search}`)
  t.equal(tokens.status, 200)
  t.equal((await anonymous.get(`/syn_ack${back.search}`)).status, 400)
  const bound = await anonymous.get('/login?redirect=true')
  t.equal(bound.status, 302)
  const elsewhere = await fillForm(bound.headers['location'] ?? '', 'bob')
  t.equal((await anonymous.get(`/syn_ack${elsewhere.search}`, { cookie: 'biodm_login=x' })).status, 403)
  t.equal((await anonymous.get('/login?redirect_uri=http%3A%2F%2Felsewhere')).status, 400)
  const bearer = { authorization: `Bearer ${tokens.body.access_token}` }
  t.equal((await anonymous.get('/authenticated', bearer)).status, 200)
  t.equal((await anonymous.get('/authenticated')).status, 401)
  t.equal((await anonymous.get('/authenticated', badToken)).status, 401)
  for (const path of ['/refresh', '/logout']) await wrongBodies(anonymous, 'POST', path, tooLarge)
  const renewed = await anonymous.post('/refresh', { refresh_token: tokens.body.refresh_token })
  t.equal(renewed.status, 200)
  t.equal((await anonymous.post('/logout', { refresh_token: renewed.body.refresh_token })).status, 204)
  t.equal((await anonymous.post('/refresh', { refresh_token: renewed.body.refresh_token })).status, 401)
  t.equal((await admin.post('/kc_sync?dry_run=true')).status, 200)
  const syncs = await Promise.all([admin.post('/kc_sync'), admin.post('/kc_sync')])
  t.same(syncs.map(({ status }) => status).sort(), [200, 409])
  for (const client of [outsider, anonymous]) await client.post('/kc_sync')
  const heal = world.fake.fault({ kind: 'status', status: 503 })
  const away = await anonymous.post('/refresh', { refresh_token: renewed.body.refresh_token })
  t.equal(away.status, 503)
  heal()
  await rootFlow(t, { admin, outsider, anonymous, badToken, tooLarge })
}

const ROUTES = [
  ['GET', 'download'],
  ['PUT', 'complete'],
  ['GET', 'upload'],
  ['POST', 'upload'],
  ['DELETE', 'upload'],
  ['GET', 'post_success'],
] as const
