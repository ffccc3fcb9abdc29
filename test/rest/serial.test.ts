import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const WORLD = {
  name: 'serials',
  resources: {
    Thing: { columns: { id: 'serial', name: 'string!' }, relations: { parts: { many: 'Part' } } },
    Part: { columns: { name: 'string!' }, relations: { thing: { one: 'Thing', required: true } } },
    Set: { versioned: true, columns: { name: 'string!' } },
  },
}
const LAST = 2_147_483_647

for (const dialect of DIALECTS) {
  for (const file of dialect === 'sqlite' ? [false, true] : [false]) {
    const where = file ? `${dialect} on disk` : dialect
    t.test(`${where}: generation goes on behind given keys`, async (t) => {
      const api = await startApi(t, WORLD, { dialect, file })
      await api.post('/things', [
        { id: 40, name: 'a' },
        { id: 7, name: 'b' },
      ])
      const next = await api.post('/things', { name: 'c' })
      t.equal(next.body.id, 41)
      const mixed = await api.post('/things', [{ name: 'd' }, { id: 60, name: 'e' }, { name: 'f' }])
      t.equal(mixed.status, 201)
      const after = await api.post('/things', { name: 'g' })
      t.ok(after.body.id > 60, String(after.body.id))
    })

    t.test(`${where}: a given key at the end leaves numbers for others`, async (t) => {
      const api = await startApi(t, WORLD, { dialect, file })
      await api.post('/things', [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      await api.delete('/things/3')
      const top = await api.post('/things', [
        { id: LAST, name: 'top' },
        { id: 9, name: 'x' },
      ])
      t.equal(top.status, 201)
      const next = await api.post('/things', { name: 'n', parts: [{ name: 'p' }] })
      t.equal(next.status, 201)
      t.ok(next.body.id > 9 && next.body.id < 100, String(next.body.id))
      const again = await api.post('/things', [{ id: LAST - 1, name: 'top' }, { name: 'o' }])
      t.equal(again.status, 201)
      const more = await api.post('/things', [{ name: 'p' }, { name: 'q' }])
      t.same(
        more.body.map(({ id }: { id: number }) => id > 9 && id < 100),
        [true, true],
      )
      const ids = (await api.get('/things?end=100')).body.map(({ id }: { id: number }) => id)
      t.equal(new Set(ids).size, ids.length)
      t.notOk(ids.includes(3), 'a number that was used is not used again')
    })

    t.test(`${where}: nor does the last key of an entity`, async (t) => {
      const api = await startApi(t, WORLD, { dialect, file })
      t.equal((await api.post('/sets', { id: LAST, version: 1, name: 'top' })).status, 201)
      t.equal((await api.post('/sets', { name: 'n' })).status, 201)
      t.equal((await api.post('/sets', { name: 'n' })).status, 201)
    })
  }

  t.test(`${dialect}: keys beyond the column are refused`, async (t) => {
    const api = await startApi(t, WORLD, { dialect })
    for (const id of [LAST + 1, -LAST - 2, 2 ** 53]) {
      t.match(await api.post('/things', { id, name: 'x' }), {
        status: 400,
        body: { errors: [{ pointer: '/id' }] },
      })
    }
  })
}
