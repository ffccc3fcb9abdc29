/** Releases of models whose references meet: unique ones, circles, a resource above itself. */
import t from 'tap'
import type { Client } from '../../src/runtime/client.js'
import { DIALECTS } from '../helpers/databases.js'
import { serveWorld } from '../helpers/worlds.js'

type Obj = Record<string, unknown>

async function made(api: Client, path: string, body?: unknown): Promise<Obj> {
  const answer = await api.post(path, body)
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as Obj
}

/** Both sides of a unique reference out of a versioned resource. */
const SHEETS = {
  auth: 'off',
  resources: {
    Sheet: { columns: { text: 'string' }, relations: { dataset: { one: 'Dataset', via: 'sheet' } } },
    Dataset: {
      versioned: true,
      columns: { name: 'string!' },
      relations: { sheet: { one: 'Sheet', unique: true } },
    },
    Paper: {
      versioned: 'strict',
      columns: { title: 'string!' },
      relations: { sheet: { one: 'Card', unique: true } },
    },
    Card: { columns: { text: 'string' }, relations: { paper: { one: 'Paper', via: 'sheet' } } },
  },
}

/** Cards and files refer to each other, and a file is unique by its card. */
const CIRCLE = {
  auth: 'off',
  resources: {
    Dataset: { versioned: true, columns: { name: 'string!' }, relations: { cards: { many: 'Card' } } },
    Card: {
      columns: { name: 'string!' },
      relations: { dataset: { one: 'Dataset' }, files: { many: 'File' }, cover: { one: 'File' } },
    },
    File: {
      columns: { name: 'string!' },
      relations: { card: { one: 'Card' }, covered: { many: 'Card', via: 'cover' } },
      unique: [['name', 'card']],
    },
  },
}

/** Studies below studies; each needs a label, which may belong to a study. */
const NESTED = {
  auth: 'off',
  resources: {
    Label: { columns: { name: 'string!' }, relations: { study: { one: 'Study' } } },
    Study: {
      versioned: true,
      columns: { name: 'string!' },
      relations: {
        label: { one: 'Label', required: true },
        parent: { one: 'Study' },
        children: { many: 'Study', via: 'parent' },
        labels: { many: 'Label', via: 'study' },
      },
    },
  },
}

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('a unique reference is so within a version; the other side sees the newest', async (t) => {
      const api = (await serveWorld(t, dialect, SHEETS)).as(null)
      await made(api, '/datasets', { name: 'd', sheet: { text: 's' } })
      t.match(await made(api, '/datasets/1_1/release', { name: 'e' }), { version: 2, sheet_id: 1 })
      const newest = { id: 1, version: 2, name: 'e' }
      t.match((await api.get('/sheets/1')).body, { dataset: newest })
      t.match((await api.get('/sheets')).body, [{ dataset: newest }])
      t.match((await api.get('/sheets/1/dataset')).body, newest)
      t.equal((await api.get('/sheets?dataset.name=e&count=true')).headers['x-total-count'], '1')
      t.same((await api.get('/sheets?dataset.name=d')).body, [], 'conditions are about that one too')
      t.equal((await api.get('/sheets?sort=dataset.name')).body.length, 1)
      t.equal((await api.get('/datasets?sheet.id=1')).body.length, 2)
      const taken = await api.post('/datasets', { name: 'f', sheet_id: 1 })
      t.match(taken, { status: 409, body: { code: 'unique_violation' } }, 'version 1 has it already')
      t.equal((await api.delete('/datasets/1_2')).status, 204)
      t.match((await api.get('/sheets/1')).body, { dataset: { version: 1 } })
      await made(api, '/datasets/1_1/release')
      t.match(await api.put('/sheets/1', { dataset: null }), { status: 200, body: { dataset: null } })
      t.match((await api.get('/datasets')).body, [{ sheet: null }, { sheet: null }], 'no version keeps it')
    })

    t.test('null does not unlink a strict row', async (t) => {
      const api = (await serveWorld(t, dialect, SHEETS)).as(null)
      await made(api, '/papers', { title: 'p', sheet: { text: 's' } })
      const refused = await api.put('/cards/1', { text: 'x', paper: null })
      t.match(refused, {
        status: 409,
        body: { code: 'versioned_readonly', errors: [{ pointer: '/paper' }] },
      })
      t.match((await api.get('/cards/1')).body, { text: 's', paper: { id: 1 } })
    })

    t.test('copies that refer to each other do not collide with their originals', async (t) => {
      const api = (await serveWorld(t, dialect, CIRCLE)).as(null)
      await made(api, '/datasets', { name: 'd', cards: [{ name: 'c', files: [{ name: 'f' }] }] })
      t.equal((await api.put('/cards/1', { cover_id: 1 })).status, 200)
      await made(api, '/datasets/1_1/release')
      t.match((await api.get('/cards')).body, [
        { id: 1, dataset_version: 1, cover_id: 1 },
        { id: 2, dataset_version: 2, cover_id: 2 },
      ])
      t.match((await api.get('/files')).body, [
        { id: 1, card_id: 1 },
        { id: 2, card_id: 2 },
      ])
    })

    t.test('a reference follows to a copy of the released resource that is made later', async (t) => {
      const api = (await serveWorld(t, dialect, NESTED)).as(null)
      const root = await made(api, '/studys', {
        name: 'root',
        label: { name: 'l' },
        children: [{ name: 'child', label: { name: 'own' }, labels: [{ name: 'of child' }] }],
      })
      const { id: child } = (await api.get('/studys?name=child')).body[0]
      await made(api, `/studys/${root['id']}_1/release`)
      const copy = (await api.get('/studys?name=child')).body.find((row: Obj) => row['id'] !== child)
      t.equal(copy.parent_version, 2)
      const labels = (await api.get('/labels?name=of child')).body
      t.same(labels.map((row: Obj) => row['study_id']).sort(), [child, copy.id].sort())
    })
  })
}
