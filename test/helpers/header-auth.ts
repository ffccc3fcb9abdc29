import { BiodmError, definePlugin, type Identity } from 'biodm'

/** An authenticator for tests: believes what the headers say. */
export default definePlugin({
  name: 'header_auth',
  securityScheme: { type: 'apiKey', in: 'header', name: 'x-user' },
  authenticate({ headers }): Identity | null {
    const username = headers['x-user']
    if (username === undefined) return null
    if (username === 'bad') throw new BiodmError('invalid_token', 'The header x-user is bad')
    const groups = (headers['x-groups'] ?? '').split(',').filter((path) => path !== '')
    return { username, groups, admin: groups.includes('admin') }
  },
})
