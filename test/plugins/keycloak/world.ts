/**
 * The Keycloak that a suite runs on: the fake one of `biodm/testing` in everyday tests, a real one under
 * test/services. A suite only uses what both give.
 */
import { readFileSync } from 'node:fs'
import KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Test } from 'tap'
import {
  type FakeKeycloak,
  type RealmFile,
  startFakeKeycloak,
} from '../../../src/testing/fake-keycloak/index.js'

export const CLIENT = { clientId: 'api', clientSecret: 'test-secret' } as const

export interface World {
  readonly url: string
  readonly realm: string
  /** An access token by the password grant. */
  accessToken(username: string, password?: string): Promise<string>
  /** What an operator does in Keycloak's console, with the right to manage users and groups. */
  readonly console: KeycloakAdminClient
}

/** Starts a realm of the test's own and ends it with the test. */
export type StartWorld = (t: Test, options?: WorldOptions) => Promise<World>

export interface WorldOptions {
  /** Redirect URIs of the client. */
  readonly redirectUris?: readonly string[]
  /** Top-level keys of the realm file to replace. */
  readonly realm?: Partial<RealmFile>
}

export function realmFile(options: WorldOptions = {}): RealmFile {
  const text = readFileSync(new URL('../../services/keycloak-realm.json', import.meta.url), 'utf8')
  const file: RealmFile = { ...JSON.parse(text), ...options.realm }
  const { redirectUris } = options
  if (redirectUris === undefined) return file
  return { ...file, clients: (file.clients ?? []).map((client) => ({ ...client, redirectUris })) }
}

export type FakeWorld = World & { readonly fake: FakeKeycloak }

export async function startFake(t: Test, options: WorldOptions = {}): Promise<FakeWorld> {
  const file = realmFile(options)
  const fake = await startFakeKeycloak(file)
  t.teardown(() => fake.close())
  return {
    fake,
    url: fake.url,
    realm: file.realm,
    accessToken: (username, password = `${username}-pw`) => fake.accessToken(username, password),
    console: await consoleOf(fake.url, file.realm),
  }
}

export async function consoleOf(baseUrl: string, realm: string): Promise<KeycloakAdminClient> {
  const client = new KeycloakAdminClient({ baseUrl, realmName: realm })
  await client.auth({ grantType: 'client_credentials', ...CLIENT })
  return client
}
