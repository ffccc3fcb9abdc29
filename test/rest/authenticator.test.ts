import { join } from 'node:path'
import t from 'tap'
import { startApi } from '../helpers/api.js'

const PLUGIN = `
import { definePlugin } from 'biodm'
export default definePlugin({
  name: 'lax',
  authenticate: ({ headers }) => (headers['x-answer'] === undefined ? undefined : JSON.parse(headers['x-answer'])),
})
`

/** What an authenticator returns, and what \`POST /boxes\`, open to the group \`lab\`, answers then. */
const ANSWERS: readonly [unknown, number][] = [
  [undefined, 401],
  [null, 401],
  [{ username: 'ada', groups: ['lab'], admin: false }, 201],
  [{ username: 'ada', groups: [], admin: false }, 403],
  [{ username: 'ada', groups: ['lab'] }, 500],
  [{ username: 'ada', groups: ['lab'], admin: 'no' }, 500],
  [{ username: 'ada', groups: 'lab', admin: false }, 500],
  [{ username: 'ada', groups: [1], admin: false }, 500],
  [{ username: 7, groups: ['lab'], admin: false }, 500],
  [{ username: '', groups: ['lab'], admin: true }, 500],
  ['ada', 500],
  [true, 500],
  [[], 500],
]

t.test('what an authenticator returns is an identity, nobody, or its fault', async (t) => {
  const dir = t.testdir({ 'lax.js': PLUGIN })
  const api = await startApi(t, {
    plugins: { [join(dir, 'lax.js')]: {} },
    resources: { Box: { path: 'boxes', access: { create: ['lab'] }, columns: { name: 'string' } } },
  })
  for (const [answer, status] of ANSWERS) {
    const headers = answer === undefined ? {} : { 'x-answer': JSON.stringify(answer) }
    t.equal((await api.post('/boxes', { name: 'x' }, headers)).status, status, JSON.stringify(answer))
  }
})
