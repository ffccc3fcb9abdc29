/** kill -9 at any moment: nothing that was answered is lost, nothing is half-written (spec: Reliability). */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = `
resources:
  Batch:
    columns: { name: string(50)! }
    relations: { items: { many: Item } }
  Item:
    columns: { label: string(50)! }
    relations: { batch: { one: Batch, required: true } }
`
const ITEMS = Array.from({ length: 5 }, (_, index) => ({ label: `item ${index}` }))
const ROUNDS = 3

for (const dialect of DIALECTS) {
  t.test(`a killed server loses nothing acknowledged on ${dialect}`, async (t) => {
    const cwd = t.testdir({ 'biodm.yaml': CONFIG })
    const database = await testDatabaseUrl(t, dialect, { file: true })
    const args = [join(cwd, 'biodm.yaml'), '--port', '0', '--database', database]
    const acknowledged: string[] = []

    for (let round = 0; round < ROUNDS; round += 1) {
      const server = await serveCli(t, args)
      const api = httpClient(server.url)
      let running = true
      const writer = async (number: number): Promise<void> => {
        for (let count = 0; running; count += 1) {
          const name = `${round}-${number}-${count}`
          const answer = await api.post('/batchs', { name, items: ITEMS }).catch(() => null)
          if (answer?.status === 201) acknowledged.push(name)
          else if (answer === null) return
        }
      }
      const writers = Array.from({ length: 4 }, (_, number) => writer(number))
      await sleep(300 + 200 * round)
      await server.stop('SIGKILL')
      running = false
      await Promise.all(writers)
    }

    const server = await serveCli(t, args)
    const api = httpClient(server.url)
    const stored = new Map<string, number>()
    for (let start = 0; ; start += 500) {
      const { status, body } = await api.get(`/batchs?start=${start}&end=${start + 500}`)
      t.equal(status, 200)
      for (const { name, items } of body) stored.set(name, items.length)
      if (body.length < 500) break
    }
    t.ok(acknowledged.length > ROUNDS)
    t.same(
      acknowledged.filter((name) => !stored.has(name)),
      [],
      'everything acknowledged is there',
    )
    t.same(
      [...stored].filter(([, items]) => items !== ITEMS.length),
      [],
      'nothing is half-written',
    )
    t.equal(await server.stop(), 0)
  })
}
