/** A small lab with one account, for the tests of the plugin. */
import type { Api } from '../../helpers/api.js'

export const CONFIG = `
name: lab
plugins: { accounts: {} }
resources:
  Note:
    columns: { text: string(50)!, author: { type: string, default: user } }
    access: { read: authenticated, create: [lab] }
`
export const PASSWORD = 'correct horse'

export const root = (api: Api) => api.as({ username: 'root', groups: ['admin'] })

export async function withAda(api: Api): Promise<void> {
  await root(api).post('/groups', [{ path: 'lab' }, { path: 'lab__rna' }])
  const made = await root(api).post('/users', {
    username: 'ada',
    password: PASSWORD,
    groups: [{ path: 'lab__rna' }],
  })
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
}

export const login = (api: Api, username = 'ada', password = PASSWORD) =>
  api.post('/login', { username, password })

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
