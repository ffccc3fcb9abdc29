import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

/** Words that SQL, or our own statements, use too. */
const NAMES = [
  'Page',
  'K',
  'P',
  'H',
  'X',
  'T',
  'Order',
  'Select',
  'Value',
  'Key',
  'Acl',
  'N',
  'J',
  'E',
  'Table',
  'Excluded',
]

for (const dialect of DIALECTS) {
  t.test(`${dialect}: resources may be called like anything in a statement`, async (t) => {
    const resources = Object.fromEntries(
      NAMES.map((name, index) => [
        name,
        {
          path: `r${index}`,
          versioned: index % 3 === 0,
          columns: { name: 'string(50)!', group: 'text', k: 'integer' },
          relations: {
            next: { one: NAMES[(index + 1) % NAMES.length] },
            before: { many: NAMES[(index + NAMES.length - 1) % NAMES.length], via: 'next' },
          },
        },
      ]),
    )
    const api = await startApi(t, { auth: 'off', resources }, { dialect })
    for (const [index] of NAMES.entries()) {
      const path = `/r${index}`
      const made = await api.post(path, [
        { name: 'a', k: 1, before: [{ name: 'b' }] },
        { name: 'c', k: 2 },
      ])
      t.equal(made.status, 201, `${NAMES[index]}: ${JSON.stringify(made.body)}`)
      t.equal((await api.post(path, { name: 'd', group: 'g' })).status, 201)
      const { id, version } = made.body[0]
      const key = version === undefined ? `${id}` : `${id}_${version}`
      t.equal((await api.get(`${path}/${key}`)).status, 200)
      t.equal((await api.get(`${path}?name=a*&before.name=b&sort=-next.name,k&count=true`)).status, 200)
      t.equal((await api.get(`${path}/${key}/before?k.max()`)).status, 200)
      t.equal((await api.put(`${path}/${key}`, { k: 3 })).status, 200)
      if (version !== undefined) t.equal((await api.post(`${path}/${key}/release`, { k: 4 })).status, 201)
    }
  })
}
