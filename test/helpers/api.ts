/** A whole server for a test: real database, real socket, closed with the test. */
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type { DialectName } from '../../src/config/definition.js'
import { clientOf, encodeBody, readAnswer } from '../../src/runtime/client.js'
import {
  type Asking,
  type Client,
  createRuntime,
  type Runtime,
  type RuntimeOverrides,
} from '../../src/runtime.js'
import { type Teardown, testDatabaseUrl } from './databases.js'

export interface ApiOptions {
  readonly dialect?: DialectName
  /** SQLite on disk instead of in memory. */
  readonly file?: boolean
  /** Address of a database that exists already. */
  readonly database?: string
  readonly overrides?: RuntimeOverrides
}

export interface Api extends Client {
  readonly url: string
  readonly runtime: Runtime
  /** In-process requests of somebody, or of nobody. */
  as(identity: Asking | null): Client
}

/** Plugin that takes the caller from the headers `x-user` and `x-groups` (comma-separated); `x-user: bad` is a bad token. */
export const HEADER_AUTH = fileURLToPath(new URL('./header-auth.ts', import.meta.url))

/** `config`: YAML text, the path of a file, or an object. */
export async function startApi(
  t: Teardown,
  config: string | Readonly<Record<string, unknown>>,
  options: ApiOptions = {},
): Promise<Api> {
  const { dialect = 'sqlite', file = false } = options
  const url = options.database ?? (await testDatabaseUrl(t, dialect, { file }))
  const source =
    typeof config === 'string' && config.includes('\n') ? (parse(config) as Record<string, unknown>) : config
  const runtime = await createRuntime(source, {
    env: {},
    ...options.overrides,
    database: { url, ...options.overrides?.database },
  })
  t.teardown(() => runtime.close())
  const address = await runtime.listen(0, '127.0.0.1')
  return { ...httpClient(address), url: address, runtime, as: (identity) => runtime.as(identity) }
}

/** The same five methods over the network. */
export function httpClient(base: string, always: Readonly<Record<string, string>> = {}): Client {
  return clientOf(async ({ method = 'GET', path, headers = {}, body }) => {
    const payload = encodeBody(body)
    const answer = await fetch(base + path, {
      method,
      redirect: 'manual',
      headers: { ...(payload.json ? { 'content-type': 'application/json' } : {}), ...always, ...headers },
      ...(payload.data === undefined ? {} : { body: payload.data }),
    })
    return readAnswer(answer.status, Object.fromEntries(answer.headers), await answer.text())
  })
}
