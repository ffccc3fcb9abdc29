/** Tokens and logging in over HTTP: run on the fake and on a real Keycloak. */
import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import type { DialectName } from '../../../../src/config/definition.js'
import type { Runtime } from '../../../../src/runtime.js'
import { ADMIN, startApp } from '../app.js'
import { freePort } from '../ports.js'
import { CLIENT, type StartWorld, type World } from '../world.js'
import { remoteUser } from './resources.js'

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export async function tokensOf({ url, realm }: World, username: string): Promise<Record<string, string>> {
  const response = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      scope: 'openid',
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      username,
      password: `${username}-pw`,
    }),
  })
  return (await response.json()) as Record<string, string>
}

/** Fills the login form at `location` as a browser does; the address that Keycloak sends the browser back to. */
export async function fillForm(location: string, username: string): Promise<URL> {
  const page = await fetch(location, { redirect: 'manual' })
  const cookies = page.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
  const action = /<form[^>]*action="([^"]+)"/.exec(await page.text())?.[1]?.replaceAll('&amp;', '&')
  if (action === undefined) throw new Error(`no login form at ${location}`)
  const answer = await fetch(new URL(action, location), {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: cookies.join('; ') },
    body: new URLSearchParams({ username, password: `${username}-pw` }),
  })
  return new URL(answer.headers.get('location') ?? 'about:blank')
}

export function authSuite(t: Test, dialect: DialectName, start: StartWorld): void {
  const both = async (t: Test) => {
    const port = await freePort()
    const callback = `http://127.0.0.1:${port}/syn_ack`
    const world = await start(t, { redirectUris: [callback, 'http://127.0.0.1:1/app'] })
    const app = await startApp(t, dialect, world, {
      port,
      keycloak: { redirect_uris: ['http://127.0.0.1:1/app'] },
    })
    await app.listen(port)
    return { world, app, callback }
  }

  t.test('a token of the realm says who asks', async (t) => {
    const { world, app } = await both(t)
    const alice = bearer(await world.accessToken('alice'))
    t.match(await app.client.get('/authenticated', alice), {
      status: 200,
      body: { username: 'alice', groups: ['admin'], admin: true },
    })
    t.match(await app.client.get('/authenticated', bearer(await world.accessToken('bob'))), {
      status: 200,
      body: { username: 'bob', groups: ['lab__rna__deep'], admin: false },
    })
    t.match(await app.client.get('/authenticated'), {
      status: 401,
      body: { code: 'authentication_required' },
    })
    t.match(await app.client.get('/users', alice), { status: 200 })
  })

  t.test('refresh and ID tokens are no access tokens', async (t) => {
    const { world, app } = await both(t)
    const { refresh_token, id_token, access_token = '' } = await tokensOf(world, 'bob')
    for (const [title, token] of Object.entries({
      refresh_token,
      id_token,
      cut: access_token.slice(0, -5),
      nonsense: 'x.y.z',
    })) {
      const answer = await app.client.get('/authenticated', bearer(token ?? ''))
      t.match(answer, { status: 401, body: { code: 'invalid_token' } }, title)
      t.match(answer.headers['www-authenticate'], /^Bearer/, title)
    }
    t.match(await app.client.get('/datasets', { authorization: 'Basic YTpi' }), { status: 401 })
    t.match(await app.client.get('/live', bearer('x.y.z')), { status: 200 }, 'where tokens are ignored')
  })

  t.test('a person is the subject, not the name', async (t) => {
    const { world, app } = await both(t)
    const admin = app.as(ADMIN)
    const token = await world.accessToken('bob')
    const { sub } = decodeJwt(token)
    await admin.post('/users', { username: 'bob' })
    await admin.put('/users/bob', { id: null })
    t.match(await app.client.get('/authenticated', bearer(token)), { status: 200 })
    t.match(await admin.get('/users/bob'), { body: { id: sub } }, 'the first token fills an empty id')

    await world.console.users.del({ id: sub ?? '' })
    await world.console.users.create({
      username: 'bob',
      enabled: true,
      email: 'bob@example.org',
      firstName: 'Bob',
      lastName: 'New',
      credentials: [{ type: 'password', value: 'bob-pw', temporary: false }],
    })
    const anew = await world.accessToken('bob')
    t.match(
      await app.client.get('/authenticated', bearer(anew)),
      { status: 401 },
      'somebody else of that name',
    )
    await admin.put('/users/bob', { id: null })
    t.match(await app.client.get('/authenticated', bearer(anew)), { status: 200 }, 'until an admin says so')
  })

  t.test('nobody brings another name along', async (t) => {
    const { world, app } = await both(t)
    const remote = await remoteUser(world, 'bob')
    await app.as(ADMIN).post('/users', { username: 'robert' })
    await app.as(ADMIN).put('/users/robert', { id: null })
    await setId(app, 'robert', remote?.id ?? '')
    t.match(await app.client.get('/authenticated', bearer(await world.accessToken('bob'))), {
      status: 401,
      body: { code: 'invalid_token' },
    })
  })

  t.test('a login ends with tokens, once', async (t) => {
    const { app, callback } = await both(t)
    const started = await app.client.get('/login')
    t.match(started, { status: 200, headers: { 'cache-control': 'no-store' } })
    const location = new URL(started.body)
    t.equal(location.searchParams.get('redirect_uri'), callback)
    const back = await fillForm(started.body, 'bob')
    t.equal(`${back.origin}${back.pathname}`, callback)
    const answer = await app.client.get(`/syn_ack${back.search}`)
    t.match(answer, {
      status: 200,
      body: { access_token: String, refresh_token: String, expires_in: Number, refresh_expires_in: Number },
    })
    t.match(await app.client.get('/authenticated', bearer(answer.body.access_token)), {
      body: { username: 'bob' },
    })
    t.match(await app.client.get(`/syn_ack${back.search}`), { status: 400 }, 'the state is used up')

    const renewed = await app.client.post('/refresh', { refresh_token: answer.body.refresh_token })
    t.match(renewed, { status: 200, body: { access_token: String } })
    t.match(await app.client.get('/authenticated', bearer(renewed.body.access_token)), { status: 200 })
    for (const _ of ['once', 'twice']) {
      t.match(await app.client.post('/logout', { refresh_token: renewed.body.refresh_token }), {
        status: 204,
      })
    }
    t.match(await app.client.post('/refresh', { refresh_token: renewed.body.refresh_token }), {
      status: 401,
      body: { code: 'invalid_token' },
    })
    t.match(
      await app.client.get('/authenticated', bearer(renewed.body.access_token)),
      { status: 200 },
      'until it ends',
    )
  })

  t.test('a login that redirects is bound to its browser', async (t) => {
    const { app } = await both(t)
    const started = await app.client.get('/login?redirect=true')
    t.equal(started.status, 302)
    const setCookie = started.headers['set-cookie'] ?? ''
    t.match(setCookie, /HttpOnly; SameSite=Lax/)
    const back = await fillForm(started.headers['location'] ?? '', 'bob')
    const cookie = setCookie.split(';')[0] ?? ''
    t.match(await app.client.get(`/syn_ack${back.search}`, { cookie: 'biodm_login=x' }), { status: 403 })

    const again = await app.client.get('/login?redirect=true')
    const second = await fillForm(again.headers['location'] ?? '', 'bob')
    t.match(await app.client.get(`/syn_ack${second.search}`, { cookie }), { status: 403 }, 'of another login')
    const third = await app.client.get('/login?redirect=true')
    const good = await fillForm(third.headers['location'] ?? '', 'bob')
    const own = (third.headers['set-cookie'] ?? '').split(';')[0] ?? ''
    t.match(await app.client.get(`/syn_ack${good.search}`, { cookie: `a=b; ${own}` }), { status: 200 })
  })

  t.test('what is no login of ours is refused', async (t) => {
    const { app } = await both(t)
    const { body: location } = await app.client.get('/login?redirect_uri=http://127.0.0.1:1/app')
    t.equal(new URL(location).searchParams.get('redirect_uri'), 'http://127.0.0.1:1/app', 'a listed one')
    const cases: [string, number][] = [
      ['/login?redirect_uri=https://evil.example.org', 400],
      ['/login?redirect_uri=http://127.0.0.1:1/app/', 400],
      ['/login?redirect_uri=', 400],
      ['/syn_ack', 400],
      ['/syn_ack?code=x', 400],
      ['/syn_ack?state=x&code=y', 400],
      [`/syn_ack?state=${'A'.repeat(43)}&code=y`, 400],
    ]
    for (const [path, status] of cases) t.match(await app.client.get(path), { status }, path)
    const state = new URL((await app.client.get('/login')).body).searchParams.get('state')
    t.match(await app.client.get(`/syn_ack?state=${state}&code=made-up`), { status: 400 })
    t.match(await app.client.get(`/syn_ack?state=${state}&code=made-up`), { status: 400 })
    const bodies: unknown[] = [
      {},
      { refresh_token: '' },
      { refresh_token: 7 },
      { refresh_token: 'x' },
      [],
      'x',
    ]
    for (const body of bodies) {
      t.match(await app.client.post('/refresh', body), { status: 400 }, JSON.stringify(body))
      t.match(await app.client.post('/logout', body), { status: 400 }, JSON.stringify(body))
    }
    t.match(await app.client.post('/logout', { refresh_token: 'a.b.c' }), { status: 400 })
  })
}

async function setId(app: Runtime, username: string, id: string): Promise<void> {
  await app.core.database.transaction(async (trx) => {
    await trx.knex()('user').where({ username }).update({ id })
  })
}
