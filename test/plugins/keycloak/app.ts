/** A whole server with the keycloak plugin on a suite's Keycloak. */
import type { Test } from 'tap'
import type { DialectName } from '../../../src/config/definition.js'
import { createRuntime, type Runtime } from '../../../src/runtime.js'
import { testDatabaseUrl } from '../../helpers/databases.js'
import { CLIENT, type World } from './world.js'

export const ADMIN = { username: 'alice', groups: ['admin'] } as const
export const MEMBER = { username: 'bob', groups: ['lab__rna__deep'] } as const

export interface AppOptions {
  /** Further options of the plugin. */
  readonly keycloak?: Readonly<Record<string, unknown>>
  readonly config?: Readonly<Record<string, unknown>>
  readonly port?: number
}

export async function startApp(
  t: Test,
  dialect: DialectName,
  { url, realm }: Pick<World, 'url' | 'realm'>,
  options: AppOptions = {},
): Promise<Runtime> {
  const runtime = await createRuntime(
    {
      name: 'omics',
      version: '1.0.0',
      server: { port: options.port ?? 0 },
      plugins: {
        keycloak: {
          host: url,
          realm,
          client_id: CLIENT.clientId,
          client_secret: CLIENT.clientSecret,
          ...options.keycloak,
        },
      },
      resources: {
        Dataset: {
          columns: { name: { type: 'string(50)', required: true, unique: true } },
          relations: {
            contact: { one: 'User' },
            readers: { many: 'Group', through: 'dataset_reader' },
          },
          access: { create: 'authenticated', update: 'authenticated' },
        },
      },
      ...options.config,
    },
    { database: { url: await testDatabaseUrl(t, dialect) } },
  )
  t.teardown(() => runtime.close())
  return runtime
}

/** Waits until `done` holds; for what happens after the answer (the outbox). */
export async function eventually(done: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
