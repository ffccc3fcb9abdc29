/** What servers really answer is what their /schema says: every operation, as it is meant and as it is refused. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { Runtime } from '../../src/runtime.js'
import { PUPPET, puppetOf } from '../fixtures/puppet.js'
import { startApi } from '../helpers/api.js'
import { type Contract, contractOf } from '../helpers/contract.js'
import { DIALECTS } from '../helpers/databases.js'
import { startApp } from '../plugins/keycloak/app.js'
import { freePort } from '../plugins/keycloak/ports.js'
import { startFake } from '../plugins/keycloak/world.js'
import { accountsFlow, conflictFlow, filesFlow, keycloakFlow, lockedFlow, rootFlow } from './answers/flows.js'
import { tour, type World } from './answers/tour.js'
import { FIELD_STUDY, PEOPLE, study, TYPES, TYPES_CONFIG } from './answers/worlds.js'

const EXAMPLE = fileURLToPath(new URL('../../examples/field-study/biodm.yaml', import.meta.url))
const ADMIN = { username: 'root', groups: ['admin'] }
const OUTSIDER = { username: 'olga', groups: ['elsewhere'] }
const BODY_LIMIT = 100 * 1024

type Config = Readonly<Record<string, unknown>>
type Callers = Omit<World, 'fresh' | 'change' | 'member' | 'release'>
interface Started {
  readonly contract: Contract
  readonly callers: Callers
}

async function start(t: Test, config: Config, dialect: (typeof DIALECTS)[number]): Promise<Started> {
  const api = await startApi(
    t,
    { ...config, server: { body_limit: BODY_LIMIT } },
    { dialect, overrides: { env: { OBJECTS: `file:${t.testdir()}` } } },
  )
  return await heldBy(api.runtime)
}

async function heldBy(runtime: Runtime): Promise<Started> {
  const contract = contractOf((await runtime.client.get('/schema')).body)
  const callers = {
    runtime,
    admin: contract.held(runtime.as(ADMIN)),
    outsider: contract.held(runtime.as(OUTSIDER)),
    anonymous: contract.held(runtime.client),
    badToken: { authorization: 'Bearer nonsense' },
    tooLarge: BODY_LIMIT,
  }
  return { contract, callers }
}

function judge(t: Test, { faults, unseen, seen }: Contract, aside: readonly string[] = []): void {
  t.same(faults, [])
  t.same(unseen(), aside, 'every documented success was seen')
  const statuses = new Set([...seen].map((label) => Number(label.split(' ')[2])))
  for (const status of [400, 401, 403, 404, 405, 406, 409, 413, 414, 415])
    t.ok(statuses.has(status), `${status} was seen`)
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: the field study answers as its document says`, async (t) => {
    const config = parse(readFileSync(EXAMPLE, 'utf8')) as Record<string, Config>
    const multipart = { threshold: '5mb', part_size: '5mb' }
    const plugins = { ...config['plugins'], s3: { ...(config['plugins']?.['s3'] as Config), multipart } }
    const { contract, callers } = await start(t, { ...config, plugins }, dialect)
    const { admin } = callers
    await admin.post('/groups', [{ path: 'curators' }, { path: 'curators__young' }])
    t.equal((await admin.get('/groups/curators__young/parent')).status, 200)
    await tour(t, { ...callers, ...FIELD_STUDY })
    await rootFlow(t, callers)
    await accountsFlow(t, callers)
    let n = 0
    await filesFlow(t, callers, '/files', '987654', () => ({ study: study(--n) }))
    judge(t, contract)
  })

  t.test(`${dialect}: every type, key and kind of version is answered as documented`, async (t) => {
    const { contract, callers } = await start(t, TYPES_CONFIG, dialect)
    const { admin } = callers
    await admin.post('/groups', [{ path: 'editors' }, { path: 'editors__young' }])
    t.equal((await admin.get('/groups/editors__young/parent')).status, 200)
    await tour(t, { ...callers, ...TYPES })
    await conflictFlow(t, callers)
    await rootFlow(t, callers)
    await lockedFlow(t, callers)
    await filesFlow(t, callers, '/reports', '987654_1', () => ({}))
    judge(t, contract, ['post /login 200', 'post /refresh 200', 'post /logout 204', 'get /authenticated 200'])
  })

  t.test(`${dialect}: the routes of Keycloak answer as documented`, async (t) => {
    const port = await freePort()
    const callback = `http://127.0.0.1:${port}/syn_ack`
    const world = await startFake(t, { redirectUris: [callback] })
    const server = { port, body_limit: BODY_LIMIT }
    const runtime = await startApp(t, dialect, world, { config: { server } })
    await runtime.listen(port)
    const { contract, callers } = await heldBy(runtime)
    await keycloakFlow(t, callers, world)
    const dataset = (n: number) => ({ name: `d${n}`, contact: { username: 'bob' } })
    await tour(t, {
      ...callers,
      fresh: { ...PEOPLE.fresh, Dataset: dataset },
      change: {
        User: (n) => ({ email: `user${n}@example.org` }),
        Group: () => ({ users: [{ username: 'bob' }] }),
        Dataset: () => ({ contact: null }),
      },
      member: PEOPLE.member,
    })
    t.same(contract.faults, [])
    t.same(contract.unseen(), ['get /groups/{id}/parent 200'])
  })
}

t.test('a server that is not ready says so as documented', async (t) => {
  const api = await startApi(t, { name: 'x', plugins: { [PUPPET]: {} } })
  const contract = contractOf((await api.get('/schema')).body)
  puppetOf(api.runtime.core).ready = () => false
  const answer = await contract.held(api).get('/ready')
  t.match(answer, { status: 503, body: { managers: { puppet: false } } })
  t.same(contract.faults, [])
})
