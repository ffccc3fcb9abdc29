/** Users and groups in step with Keycloak, and its tokens as identities: see docs/how-to/keycloak.md. */
import { type BaseContext, definePlugin, type SetupTools } from 'biodm'
import { authenticate } from './auth/authenticate.js'
import {
  deleteRemote,
  enqueueDeletions,
  enqueueUnlinkings,
  leaveRemote,
  refuseParents,
} from './hooks/deletions.js'
import { importGroups, writeGroups } from './hooks/groups.js'
import { importUsers, writeUsers } from './hooks/users.js'
import { createKeycloak, type Keycloak, keycloakOf } from './manager.js'
import { type KeycloakOptions, optionsSchema } from './options.js'
import { routes } from './routes.js'
import { kcSync } from './sync/command.js'

/** Milliseconds between looks at the age of the realm's keys. */
const KEY_CHECK = 30_000

export default definePlugin({
  name: 'keycloak',
  description: 'Tokens, users and groups of a Keycloak realm',
  options: optionsSchema,
  traits: {
    group: {
      description: 'Groups are read from Keycloak or created there',
      hooks: {
        write: { prefix: ['keycloak.write_groups'] },
        refer: { prefix: ['keycloak.import_groups'] },
        delete: { prefix: ['keycloak.refuse_parents'], postfix: ['keycloak.delete_groups'] },
        unlink: { postfix: ['keycloak.unlink'] },
      },
    },
    user: {
      description: 'Users are read from Keycloak or created there',
      columns: {
        password: {
          type: 'string(256)',
          virtual: true,
          description: 'Becomes a credential in Keycloak; never stored here',
        },
      },
      lowercase: ['username', 'email'],
      hooks: {
        write: { prefix: ['keycloak.write_users'] },
        refer: { prefix: ['keycloak.import_users'] },
        delete: { postfix: ['keycloak.delete_users'] },
        unlink: { postfix: ['keycloak.unlink'] },
      },
    },
  },
  extends: { Group: { traits: ['keycloak.group'] }, User: { traits: ['keycloak.user'] } },
  resources: {
    KeycloakDeletion: {
      description: 'Users and groups whose deletion in Keycloak is pending',
      internal: true,
      table: 'biodm_keycloak_deletion',
      columns: {
        kind: { type: 'string(10)', primary: true },
        name: { type: 'string(1000)', primary: true },
        id: { type: 'string(255)', required: true },
      },
    },
    KeycloakMembership: {
      description: 'Memberships that a sync made',
      internal: true,
      table: 'biodm_keycloak_membership',
      columns: {
        path: { type: 'string(1000)', primary: true },
        username: { type: 'string(255)', primary: true },
      },
    },
  },
  hooks: {
    write_groups: { stage: 'prefix', run: writeGroups },
    write_users: { stage: 'prefix', run: writeUsers },
    import_groups: { stage: 'prefix', run: importGroups },
    import_users: { stage: 'prefix', run: importUsers },
    refuse_parents: { stage: 'prefix', run: refuseParents },
    delete_groups: { stage: 'postfix', run: enqueueDeletions('group') },
    delete_users: { stage: 'postfix', run: enqueueDeletions('user') },
    unlink: { stage: 'postfix', run: enqueueUnlinkings },
  },
  jobs: { delete: deleteRemote, leave: leaveRemote },
  routes,
  commands: [kcSync],
  securityScheme: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token of Keycloak: open the address that `GET /login` answers',
  },
  authenticate: (request, ctx: BaseContext) => authenticate(request, keycloakOf(ctx)),
  setup(options: KeycloakOptions, tools: SetupTools) {
    const keycloak = createKeycloak(options, tools)
    const timer = setInterval(() => void keycloak.keys.reloadIfDue(), KEY_CHECK)
    timer.unref()
    const started = firstContact(keycloak)
    return {
      manager: keycloak,
      async ready() {
        if (!keycloak.keys.loaded) await keycloak.keys.reloadIfDue()
        return keycloak.keys.loaded
      },
      async close() {
        clearInterval(timer)
        await started
      },
    }
  },
})

/** Not waited for: the server starts without Keycloak. Too few rights show as an empty list, so one's own account is asked for. */
async function firstContact({ keys, service, options, log }: Keycloak): Promise<void> {
  await keys.reloadIfDue()
  if (!keys.loaded) return
  const account = `service-account-${options.client_id}`
  const found = await service.users.find(account).catch(() => undefined)
  if (found !== null) return
  log.error(
    `keycloak: the service account ${account} cannot see itself: give it the role manage-users of realm-management, or users and groups will look absent`,
  )
}
