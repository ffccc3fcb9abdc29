import t from 'tap'
import { type Api, startApi } from '../../helpers/api.js'
import { cliHere } from '../../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../../helpers/databases.js'

const CONFIG = `
name: lab
plugins: { accounts: {} }
resources:
  Note:
    columns: { text: string(50)!, author: { type: string, default: user } }
    access: { read: authenticated, create: [lab] }
`
const PASSWORD = 'correct horse'

const root = (api: Api) => api.as({ username: 'root', groups: ['admin'] })

async function withAda(api: Api): Promise<void> {
  await root(api).post('/groups', [{ path: 'lab' }, { path: 'lab__rna' }])
  const made = await root(api).post('/users', {
    username: 'ada',
    password: PASSWORD,
    groups: [{ path: 'lab__rna' }],
  })
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
}

const login = (api: Api, username = 'ada', password = PASSWORD) => api.post('/login', { username, password })

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

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

  t.test(`${dialect}: one's own password changes with the current one only`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const ada = api.as({ username: 'ada', groups: ['lab__rna'] })
    const cases: readonly (readonly [Record<string, unknown>, number, string | undefined])[] = [
      [{ password: 'another horse' }, 400, 'missing_fields'],
      [{ password: 'another horse', current_password: 'wrong' }, 403, 'forbidden'],
      [{ password: 'short', current_password: PASSWORD }, 400, 'invalid_body'],
      [{ password: 'x'.repeat(129), current_password: PASSWORD }, 400, 'invalid_body'],
      [{ password: null, current_password: PASSWORD }, 400, 'invalid_body'],
      [{ firstName: 'Ada', email: 'ada@example.org' }, 200, undefined],
      [{ id: 'x' }, 403, 'forbidden'],
      [{ groups: [{ path: 'lab' }] }, 403, 'forbidden'],
      [{ password: 'another horse', current_password: PASSWORD }, 200, undefined],
    ]
    for (const [data, status, code] of cases) {
      const answer = await ada.put('/users/ada', data)
      t.match({ status: answer.status, code: answer.body.code }, { status, code }, JSON.stringify(data))
      t.notMatch(JSON.stringify(answer.body), /horse|scrypt/, 'nothing of it is shown')
    }
    t.equal((await login(api, 'ada', 'another horse')).status, 200)
    t.equal((await ada.put('/users/root', { password: 'another horse' })).status, 403)
    const rootUser = api.as({ username: 'root', groups: ['admin'] })
    await rootUser.post('/users', { username: 'root', password: PASSWORD })
    t.equal((await rootUser.put('/users/root', { password: 'another horse' })).status, 400, 'admins too')
  })

  t.test(`${dialect}: names are lower-case letters, digits and . _ @ -`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    for (const username of ['Ada', 'a b', 'ä', 'a/b', 'a%', '']) {
      t.equal((await root(api).post('/users', { username })).status, 400, username)
    }
    for (const username of ['a.b-c_d@x.org', 'u_1', '7']) {
      t.equal((await root(api).post('/users', { username })).status, 201, username)
    }
  })

  t.test(`${dialect}: nothing of a password is stored readably, shown or recorded`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const [stored] = await api.runtime.core.database.rows({ text: 'SELECT * FROM "user"', values: [] })
    t.match(stored?.['password_hash'], /^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
    t.notMatch(JSON.stringify(stored), PASSWORD)
    const history = await api.runtime.core.database.rows({
      text: 'SELECT * FROM biodm_history',
      values: [],
    })
    t.notMatch(JSON.stringify(history), /correct horse|scrypt/)
    for (const path of ['/users/ada', '/users', '/users?fields=password', '/users?password_hash=x']) {
      t.notMatch(JSON.stringify((await root(api).get(path)).body), /scrypt|"password/, path)
    }
    t.equal((await root(api).get('/users?fields=password_hash')).status, 400)
    t.equal((await root(api).get('/users?password=x')).status, 400)
  })

  t.test(`${dialect}: ten failures for a name are 429, with the right password too`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await withAda(api)
    const answers = await Promise.all(Array.from({ length: 15 }, () => login(api, 'ada', 'wrong')))
    const statuses = answers.map(({ status }) => status).sort()
    t.same(statuses, [...Array(10).fill(401), ...Array(5).fill(429)], 'a burst is counted too')
    const refused = await login(api)
    t.equal(refused.status, 429)
    t.equal(refused.body.code, 'rate_limited')
    const wait = Number(refused.headers['retry-after'])
    t.ok(wait > 0 && wait <= 900)
    t.equal((await login(api, 'somebody', 'wrong')).status, 429, 'the address has failed as often')
  })

  t.test(`${dialect}: biodm user add makes the first account`, async (t) => {
    const url = await testDatabaseUrl(t, dialect, { file: true })
    const dir = t.testdir({ 'lab.yaml': CONFIG })
    const file = `${dir}/lab.yaml`
    const add = (...more: string[]) => cliHere(['user', 'add', file, ...more, '--database', url])
    const made = await add('grace', '--group', 'admin')
    t.equal(made.code, 0, made.stderr)
    const password = /^password: (\S+)$/m.exec(made.stdout)?.[1] ?? ''
    t.ok(password.length >= 20)
    const again = await add('grace')
    t.match(again, { code: 1, stderr: /exists already/ })
    t.match(await add('Grace'), { code: 1, stderr: /lower-case/ })
    t.equal((await cliHere(['user', 'remove', file, 'grace', '--database', url])).code, 2)
    const json = await add('alan', '--group', 'lab__rna', '--json')
    t.match(JSON.parse(json.stdout), { username: 'alan', groups: ['lab__rna'], password: String })
    const api = await startApi(t, CONFIG, { dialect, database: url })
    const { body } = await login(api, 'grace', password)
    t.same((await api.get('/authenticated', bearer(body.access_token))).body, {
      username: 'grace',
      groups: ['admin'],
      admin: true,
    })
    t.equal((await api.get('/groups/lab', bearer(body.access_token))).status, 200, 'parents are made too')
  })
}
