/** The built-in authenticator: users and passwords in our own database, nothing else to install. */
import { definePlugin } from 'biodm'
import { COMMAND } from './command.js'
import { named, password, USER_TRAIT } from './hooks.js'
import { Accounts, accountsOf } from './manager.js'
import { ROUTES } from './routes.js'
import { bearer } from './tokens.js'

const DAY_MS = 24 * 3600_000

export default definePlugin({
  name: 'accounts',
  description: 'Users and passwords in the server’s own database',
  options: { type: 'object', properties: {}, additionalProperties: false },
  traits: { user: USER_TRAIT },
  extends: { User: { traits: ['accounts.user'] } },
  hooks: {
    named: { stage: 'prefix', description: 'Checks the form of new user names', run: named },
    password: { stage: 'prefix', description: 'Turns passwords into hashes', run: password },
  },
  tasks: { rotate: { every: DAY_MS, run: (ctx) => accountsOf(ctx).keys.rotate() } },
  routes: ROUTES,
  commands: [COMMAND],
  securityScheme: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `access_token` of `POST /login`',
  },
  async authenticate({ headers }, ctx) {
    const token = bearer(headers['authorization'])
    return token === null ? null : await accountsOf(ctx).tokens.verify(token)
  },
  setup: (_options: unknown, { runtime }) => ({ manager: new Accounts(runtime) }),
})
