/** A realm of a test's own in the real Keycloak that `BIODM_TEST_KEYCLOAK` names (`http://admin:password@host:port`). */
import { randomUUID } from 'node:crypto'
import KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Test } from 'tap'
import { CLIENT, consoleOf, realmFile, type World, type WorldOptions } from '../../plugins/keycloak/world.js'

export type RealWorld = World & {
  /** The server's administrator, for what a realm's own client may not do (keys, clients). */
  readonly operator: () => Promise<KeycloakAdminClient>
}

export async function startReal(t: Test, options: WorldOptions = {}): Promise<RealWorld> {
  const given = process.env['BIODM_TEST_KEYCLOAK']
  if (given === undefined)
    throw new Error('BIODM_TEST_KEYCLOAK names no Keycloak: run `npm run test:services`')
  const { origin, username, password } = new URL(given)
  const operator = async (): Promise<KeycloakAdminClient> => {
    const client = new KeycloakAdminClient({ baseUrl: origin, realmName: 'master' })
    await client.auth({ grantType: 'password', clientId: 'admin-cli', username, password })
    return client
  }
  const realm = `biodm-${randomUUID().slice(0, 8)}`
  const file = { ...realmFile(options), realm }
  const root = await operator()
  await root.realms.create(file as Parameters<typeof root.realms.create>[0])
  t.teardown(async () => {
    const closing = await operator()
    await closing.realms.del({ realm })
  })
  return {
    url: origin,
    realm,
    operator,
    accessToken: (user, secret = `${user}-pw`) => passwordGrant(origin, realm, user, secret),
    console: await consoleOf(origin, realm),
  }
}

async function passwordGrant(
  origin: string,
  realm: string,
  username: string,
  password: string,
): Promise<string> {
  const response = await fetch(`${origin}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      username,
      password,
    }),
  })
  const body = (await response.json()) as Record<string, unknown>
  if (typeof body['access_token'] !== 'string') throw new Error(JSON.stringify(body))
  return body['access_token']
}
