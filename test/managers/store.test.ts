import t from 'tap'
import { migrate } from '../../src/managers/migrate.js'
import { createStore, sweepStore } from '../../src/managers/store.js'
import { DIALECTS, openTestDatabase } from '../helpers/databases.js'
import { modelOf } from '../helpers/models.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, await modelOf({ resources: { Note: {} } }))
    const store = createStore(database, 'test')

    t.test('a value comes back as it went in, in its own namespace', async (t) => {
      await store.set('a', { n: [1, 'é', null] })
      t.same(await store.get('a'), { n: [1, 'é', null] })
      t.equal(await createStore(database, 'other').get('a'), undefined)
      await store.set('a', 2)
      t.equal(await store.get('a'), 2)
      await store.delete('a')
      t.equal(await store.get('a'), undefined)
    })

    t.test('an expired value is absent, and swept', async (t) => {
      await store.set('old', 1, { expiresAt: Date.now() - 1 })
      await store.set('new', 1, { expiresAt: Date.now() + 60_000 })
      t.equal(await store.get('old'), undefined)
      t.equal(await store.take('old'), undefined)
      t.equal(await sweepStore(database), 1)
      t.equal(await store.get('new'), 1)
    })

    t.test('of many adds one succeeds; after expiry another may', async (t) => {
      const added = await Promise.all(Array.from({ length: 20 }, (_, n) => store.add('once', n)))
      t.equal(added.filter(Boolean).length, 1)
      t.equal(await store.get('once'), added.indexOf(true))
      await store.set('gone', 1, { expiresAt: Date.now() - 1 })
      t.equal(await store.add('gone', 2), true)
      t.equal(await store.get('gone'), 2)
    })

    t.test('of many takes one gets the value', async (t) => {
      await store.set('code', 'x')
      const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('code')))
      t.same(
        taken.filter((value) => value !== undefined),
        ['x'],
      )
    })

    t.test('a counter counts every increment and starts anew when it has expired', async (t) => {
      const counts = await Promise.all(Array.from({ length: 50 }, () => store.increment('n')))
      t.same(
        counts.sort((a, b) => a - b),
        Array.from({ length: 50 }, (_, n) => n + 1),
      )
      t.equal(await store.increment('window', { expiresAt: Date.now() - 1 }), 1)
      t.equal(await store.increment('window', { expiresAt: Date.now() + 60_000 }), 1)
      t.equal(await store.increment('window', { expiresAt: Date.now() - 1 }), 2)
    })

    t.test('a counter never passes its greatest value, whoever adds at the same time', async (t) => {
      const counts = await Promise.all(Array.from({ length: 30 }, () => store.increment('full', { max: 10 })))
      t.same(
        counts.filter((count) => count !== undefined).sort((a, b) => a - b),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
      t.equal(await store.increment('full', { by: -2 }), 8)
      t.equal(await store.increment('full', { by: 3, max: 10 }), undefined)
      t.equal(await store.increment('full', { by: 2, max: 10 }), 10)
      t.equal(await store.increment('none', { by: 3, max: 2 }), undefined)
      t.equal(await store.get('none'), undefined)
      await store.set('past', 10, { expiresAt: Date.now() - 1 })
      t.equal(await store.increment('past', { max: 10 }), 1, 'an expired one starts anew')
    })
  })
}
