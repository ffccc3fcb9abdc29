/** Objects of a tree that give nothing but a key: they refer to a row that exists, and make one that does not, by whoever may. */
import t from 'tap'
import { HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
name: keys
plugins: { ${HEADER_AUTH}: {} }
resources:
  Box:
    path: boxes
    columns: { name: string(20)! }
    relations:
      tags: { many: Tag, through: box_tag }
      marks: { many: Mark, through: box_mark }
      owner: { one: User }
      room: { one: Room }
      slips: { many: Slip }
    permissions: { slips: { verbs: [write] } }
  # Nobody's rows are hidden.
  Tag:
    columns: { name: { type: string, primary: true }, colour: text }
    access: { create: [lab], update: admin }
  # Rows may be hidden by their lists.
  Mark:
    columns: { name: { type: string, primary: true } }
    access: { create: [lab] }
    permissions: { self: { verbs: [read] } }
  # A key alone never makes one.
  Room:
    columns: { number: { type: integer, primary: true }, floor: integer! }
    access: { create: [lab] }
  Slip:
    columns: { number: { type: integer, primary: true } }
    relations: { box: { one: Box } }
`

const LAB = { username: 'lia', groups: ['lab'] }
const GUEST = { username: 'gus', groups: ['guests'] }

/** What is nested in a new box, and what the guest, nobody and the lab are answered. */
const TABLE: readonly (readonly [title: string, body: object, ...statuses: number[]])[] = [
  ['a tag that is there', { tags: [{ name: 'red' }] }, 201, 201, 201],
  ['a new tag', { tags: [{ name: 'new' }] }, 403, 401, 201],
  ['a new tag beside one that is there', { tags: [{ name: 'red' }, { name: 'newer' }] }, 403, 401, 201],
  ['a new tag with a column', { tags: [{ name: 'newest', colour: 'blue' }] }, 403, 401, 201],
  ['a mark that is there', { marks: [{ name: 'open' }] }, 201, 201, 201],
  ['a mark that is hidden', { marks: [{ name: 'closed' }] }, 409, 409, 409],
  ['a new mark', { marks: [{ name: 'new' }] }, 409, 409, 201],
  ['a user that is not there', { owner: { username: 'nobody' } }, 403, 401, 403],
  ['a room that is not there', { room: { number: 9 } }, 409, 409, 409],
  ['a room by its column', { room_number: 9 }, 409, 409, 409],
]

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a bare key that no row has is a creation`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const root = api.as({ username: 'root', groups: ['admin'] })
    await root.post('/groups', [{ path: 'lab' }, { path: 'guests' }, { path: 'elsewhere' }])
    await root.post('/tags', { name: 'red' })
    const closed = { name: 'closed', perm_self: { read: { groups: [{ path: 'elsewhere' }] } } }
    t.equal((await root.post('/marks', [{ name: 'open' }, closed])).status, 201)
    const clients = [api.as(GUEST), api.as(null), api.as(LAB)]
    for (const [title, body, ...statuses] of TABLE) {
      for (const [index, client] of clients.entries()) {
        const answer = await client.post('/boxes', { name: 'b', ...body })
        t.equal(answer.status, statuses[index], `${title}, caller ${index}: ${JSON.stringify(answer.body)}`)
        if (answer.status === 409) t.equal(answer.body.code, 'reference_missing')
      }
    }
    const refused = await api
      .as(GUEST)
      .post('/boxes', { name: 'b', tags: [{ name: 'red' }, { name: 'none' }] })
    t.match(refused.body, { code: 'forbidden', errors: [{ pointer: '/tags/1' }] })
    t.equal((await root.get('/tags/none')).status, 404, 'nothing is left of it')
  })

  t.test(`${dialect}: lists refuse the creation of a bare key as static rules do`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const root = api.as({ username: 'root', groups: ['admin'] })
    await root.post('/groups', [{ path: 'lab' }, { path: 'guests' }])
    const lists = { perm_slips: { write: { groups: [{ path: 'lab' }] } } }
    const made = await root.post('/boxes', { name: 'b', ...lists, slips: [{ number: 1 }] })
    const put = (who: typeof LAB, number: number) =>
      api.as(who).put(String(made.headers['location']), { slips: [{ number }] })
    t.equal((await put(GUEST, 1)).status, 200, 'it is there already, and stays where it is')
    t.match(await put(GUEST, 2), {
      status: 403,
      body: { code: 'forbidden', errors: [{ pointer: '/slips/0' }] },
    })
    t.equal((await put(LAB, 2)).status, 200)
  })
}
