import t from 'tap'
import { accountsOf } from '../../../plugins/accounts/manager.js'
import { type Api, startApi } from '../../helpers/api.js'
import { cliHere } from '../../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../../helpers/databases.js'
import { bearer, CONFIG, login, PASSWORD, root, withAda } from './lab.js'

for (const dialect of DIALECTS) {
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
    for (const path of ['/users/ada', '/users', '/users?fields=password']) {
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

  t.test(`${dialect}: several processes allow ten failures together`, async (t) => {
    const database = await testDatabaseUrl(t, dialect, { file: true })
    const start = () => startApi(t, CONFIG, { dialect, database })
    const apis = [await start(), await start(), await start()]
    await withAda(apis[0] as Api)
    const all = (count: number, password?: string) =>
      Promise.all(
        apis.flatMap((api) => Array.from({ length: count }, () => login(api, 'ada', password))),
      ).then((answers) => answers.map(({ status }) => status).sort())
    t.same(await all(2), Array(6).fill(200), 'the right password is no failure')
    t.same(await all(3, 'wrong'), Array(9).fill(401))
    t.same(
      await all(2),
      Array(6).fill(200),
      'one more failure is allowed: whoever is right waits for its turn',
    )
    t.same(await all(2, 'wrong'), [401, ...Array(5).fill(429)])
    t.same(await all(1), [429, 429, 429])
  })

  t.test(`${dialect}: an attempt that could not be judged is no failure`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const attempts = accountsOf(api.runtime.core).attempts
    const broken = () => Promise.reject(new Error('no answer'))
    for (let n = 0; n < 12; n += 1)
      await t.rejects(attempts.run(['name x'], broken), { message: 'no answer' })
    t.equal(await attempts.run(['name x'], async () => true), true)
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
