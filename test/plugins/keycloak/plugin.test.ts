import t, { type Test } from 'tap'
import keycloak from '../../../plugins/keycloak/index.js'
import { ConfigError } from '../../../src/config/diagnostics.js'
import { createRuntime } from '../../../src/runtime.js'
import { shouldBehaveLikeAPlugin } from '../../../src/testing.js'
import { CLIENT, startFake } from './world.js'

const options = (host: string, realm: string) => ({
  host,
  realm,
  client_id: CLIENT.clientId,
  client_secret: CLIENT.clientSecret,
})

t.test('it behaves like a plugin, with Keycloak and without', async (t: Test) => {
  const world = await startFake(t)
  for (const host of [world.url, 'http://127.0.0.1:1']) {
    const suite = { test: (name: string, run: () => Promise<void>) => t.test(`${host}: ${name}`, run) }
    await shouldBehaveLikeAPlugin(suite, keycloak, { options: options(host, world.realm) })
  }
})

t.test('a server is ready once it knows the keys of the realm', async (t) => {
  const world = await startFake(t)
  const start = async (host: string) => {
    const plugins = { keycloak: options(host, world.realm) }
    const app = await createRuntime(
      { name: 'x', version: '1.0.0', plugins },
      { database: { url: 'sqlite::memory:' } },
    )
    t.teardown(() => app.close())
    return app.client.get('/ready')
  }
  t.match(await start(world.url), { status: 200, body: { managers: { keycloak: true } } })
  t.match(await start('http://127.0.0.1:1'), { status: 503, body: { managers: { keycloak: false } } })
})

const WRONG: [title: string, change: Record<string, unknown>, said: RegExp][] = [
  ['no host', { host: undefined }, /host/],
  ['a host without a scheme', { host: 'kc.example.org' }, /host/],
  ['a host with a query', { host: 'https://kc.example.org?x=1' }, /host/],
  ['an unknown option', { hots: 'https://kc.example.org' }, /hots/],
  ['somebody else to act as', { act_as: 'root' }, /act_as/],
  ['no secret', { client_secret: '' }, /client_secret/],
]
t.test('wrong options are said at start', async (t) => {
  for (const [title, change, said] of WRONG) {
    const given = { ...options('https://kc.example.org', 'omics'), ...change }
    const keycloak = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    const starting = createRuntime({ name: 'x', version: '1.0.0', plugins: { keycloak } })
    const error: unknown = await starting.catch((refused: unknown) => refused)
    t.ok(error instanceof ConfigError, title)
    t.match(error instanceof ConfigError ? error.format() : '', said, title)
  }
})

t.test('one authenticator only', async (t) => {
  const plugins = { accounts: {}, keycloak: options('https://kc.example.org', 'omics') }
  await t.rejects(createRuntime({ name: 'x', version: '1.0.0', plugins }), { message: /authenticat/ })
})
