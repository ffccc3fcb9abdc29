import t from 'tap'
import type { RealmFile } from '../../../src/testing/fake-keycloak/index.js'
import { DIALECTS } from '../../helpers/databases.js'
import { ADMIN, startApp } from './app.js'
import { bearer } from './suites/auth.js'
import { realmFile, startFake } from './world.js'

const USERS = 1_000
const GROUPS = 200

/** Ten top-level groups with nineteen below each; every user in three of them. */
function largeRealm(): Partial<RealmFile> {
  const file = realmFile()
  const paths: string[] = []
  const groups = Array.from({ length: GROUPS / 20 }, (_, i) => {
    paths.push(`/g${i}`)
    const subGroups = Array.from({ length: 19 }, (_, j) => {
      paths.push(`/g${i}/s${j}`)
      return { name: `s${j}` }
    })
    return { name: `g${i}`, subGroups }
  })
  const users = Array.from({ length: USERS }, (_, i) => ({
    username: `user-${i}`,
    enabled: true,
    email: `user-${i}@example.org`,
    firstName: 'First',
    lastName: `Last ${i}`,
    groups: [0, 1, 2].map((n) => paths[(i * 7 + n * 31) % GROUPS] ?? '/g0'),
  }))
  return { groups, users: [...(file.users ?? []).slice(0, 1), ...users] }
}

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: ${USERS} users and ${GROUPS} groups are imported in bounded time, again for less`,
    async (t) => {
      const world = await startFake(t, { realm: largeRealm() })
      const app = await startApp(t, dialect, world, { config: { server: { timeout: '120s' } } })
      const started = performance.now()
      const first = await app.as(ADMIN).post('/kc_sync')
      const took = performance.now() - started
      t.match(first, {
        status: 200,
        body: {
          groups: { created: GROUPS },
          users: { created: USERS },
          memberships: { added: 3 * USERS, removed: 0 },
        },
      })
      t.comment(`first ${Math.round(took)} ms`)
      const again = performance.now()
      t.match(await app.as(ADMIN).post('/kc_sync'), {
        body: {
          groups: { unchanged: GROUPS },
          users: { unchanged: USERS },
          memberships: { added: 0, removed: 0 },
        },
      })
      t.ok(performance.now() - again < took)
      t.match(await app.as(ADMIN).get('/users?count=true'), { headers: { 'x-total-count': String(USERS) } })
      const largest = Math.max(...world.fake.calls.map((call) => Number(/max=(\d+)/.exec(call)?.[1] ?? 0)))
      t.equal(largest, 100, 'every list is asked for in pages')
    },
  )
}

t.test('a verified token costs next to nothing', async (t) => {
  const world = await startFake(t)
  const app = await startApp(t, 'sqlite', world)
  await app.as(ADMIN).post('/datasets', { name: 'one' })
  const token = bearer(await world.accessToken('bob'))
  const cpu = async (headers: Record<string, string>): Promise<number> => {
    const before = process.cpuUsage()
    for (let i = 0; i < 150; i += 1) await app.client.get('/datasets/1?fields=id', headers)
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  await cpu(token)
  await cpu({})
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 4; round += 1) {
    const anonymous = Math.min(await cpu({}), await cpu({}))
    const authenticated = Math.min(await cpu(token), await cpu(token))
    best = Math.min(best, authenticated / anonymous)
  }
  t.comment(`best ratio of CPU time ${best.toFixed(3)}`)
  t.ok(best < 1.1)
})
