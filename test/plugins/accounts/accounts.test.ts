import t from 'tap'
import { startApi } from '../../helpers/api.js'
import { DIALECTS } from '../../helpers/databases.js'
import { bearer, CONFIG, login, PASSWORD, root, withAda } from './lab.js'

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a login gives tokens that say who is asking`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const { status, body, headers } = await login(api)
    t.equal(status, 200)
    t.same(Object.keys(body).sort(), ['access_token', 'expires_in', 'refresh_token'])
    t.equal(body.expires_in, 900)
    t.equal(headers['cache-control'], 'no-store')
    const who = await api.get('/authenticated', bearer(body.access_token))
    t.same(who.body, { username: 'ada', groups: ['lab__rna'], admin: false })
    const note = await api.post('/notes', { text: 'hello' }, bearer(body.access_token))
    t.equal(note.status, 201)
    t.equal(note.body.author, 'ada')
    t.equal((await api.get('/authenticated')).status, 401)
  })

  t.test(`${dialect}: a wrong password and an unknown user are told apart by nothing`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    await root(api).post('/users', { username: 'passwordless' })
    const answers = [
      await login(api, 'ada', 'wrong'),
      await login(api, 'nobody', 'wrong'),
      await login(api, 'passwordless', 'wrong'),
      await login(api, 'ada', 'x'.repeat(2000)),
      await login(api, 'x'.repeat(2000), PASSWORD),
    ]
    const told = answers.map(({ status, body }) => ({ status, code: body.code, detail: body.detail }))
    t.strictSame(new Set(told.map((each) => JSON.stringify(each))).size, 1)
    t.match(told[0], { status: 401, code: 'invalid_credentials' })
  })

  t.test(`${dialect}: a body of another form is 400 with its pointers`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const { status, body } = await api.post('/login', { username: 7, extra: 1 })
    t.equal(status, 400)
    t.same(
      body.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/username', '/password', '/extra'],
    )
    t.equal((await api.post('/refresh', {})).status, 400)
    t.equal((await api.post('/logout', [])).status, 400)
  })

  t.test(`${dialect}: a refresh token is good once, and its second use ends the family`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const first = (await login(api)).body.refresh_token
    const refreshed = await api.post('/refresh', { refresh_token: first })
    t.equal(refreshed.status, 200)
    const second = refreshed.body.refresh_token
    t.not(second, first)
    t.equal((await api.post('/refresh', { refresh_token: first })).status, 401)
    t.equal((await api.post('/refresh', { refresh_token: second })).status, 401, 'the family has ended')
  })

  t.test(`${dialect}: of simultaneous refreshes with one token one succeeds`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const { refresh_token } = (await login(api)).body
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.post('/refresh', { refresh_token })),
    )
    t.ok(answers.filter(({ status }) => status === 200).length <= 1)
    t.ok(answers.every(({ status }) => status === 200 || status === 401))
  })

  t.test(`${dialect}: a refresh carries the groups of now`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const { refresh_token } = (await login(api)).body
    await root(api).put('/users/ada/groups', [{ path: 'lab' }])
    const { body } = await api.post('/refresh', { refresh_token })
    t.same((await api.get('/authenticated', bearer(body.access_token))).body.groups, ['lab'])
  })

  t.test(`${dialect}: a logout revokes, and can be repeated`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const { refresh_token } = (await login(api)).body
    t.equal((await api.post('/logout', { refresh_token })).status, 204)
    t.equal((await api.post('/logout', { refresh_token })).status, 204)
    t.equal((await api.post('/logout', { refresh_token: 'nonsense' })).status, 204)
    t.equal((await api.post('/refresh', { refresh_token })).status, 401)
  })

  t.test(`${dialect}: a changed password and a deleted user end the sessions`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const { refresh_token } = (await login(api)).body
    t.equal((await root(api).put('/users/ada', { password: 'another horse' })).status, 200)
    t.equal((await api.post('/refresh', { refresh_token })).status, 401)
    t.equal((await login(api)).status, 401)
    const again = await login(api, 'ada', 'another horse')
    t.equal(again.status, 200)
    t.equal((await root(api).delete('/users/ada')).status, 204)
    t.equal((await api.post('/refresh', { refresh_token: again.body.refresh_token })).status, 401)
  })
}
