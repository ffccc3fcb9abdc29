// An authenticator: tells who asks. A configuration has at most one.
import { timingSafeEqual } from 'node:crypto'
import { BiodmError, definePlugin } from 'biodm'

export default definePlugin({
  name: 'api-keys',
  description: 'Callers known by a key in the header X-Api-Key',
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['keys'],
    properties: {
      keys: {
        type: 'array',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['key', 'username'],
          properties: {
            key: { type: 'string', minLength: 8 },
            username: { type: 'string' },
            groups: { type: 'array', items: { type: 'string' }, default: [] },
          },
        },
      },
    },
  },
  // How clients authenticate, for the OpenAPI document.
  securityScheme: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
  // Null: nobody. A key that is present but unknown is an error, never "nobody".
  authenticate(request, ctx) {
    const given = request.headers['x-api-key']
    if (given === undefined) return null
    const known = ctx.settings.keys.find(({ key }) => same(key, given))
    if (known === undefined) throw new BiodmError('invalid_token', 'The API key is not known.')
    const { username, groups } = known
    return { username, groups, admin: groups.includes('admin') }
  },
})

function same(a, b) {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
