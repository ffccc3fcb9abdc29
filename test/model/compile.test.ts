import t from 'tap'
import { definePlugin } from '../../src/plugin.js'
import { modelOf } from '../helpers/models.js'

const plugin = definePlugin({
  name: 'audit',
  authenticate: () => null,
  traits: {
    tracked: {
      columns: { reviewed: 'boolean' },
      verbs: ['inspect'],
      hooks: { write: { prefix: ['audit.stamp'] } },
      routes: [{ method: 'GET', path: '/:id/inspect', verb: 'inspect', run: () => ({ status: 204 }) }],
    },
  },
  hooks: {
    stamp: { stage: 'prefix', run: () => undefined },
    note: { stage: 'prefix', run: () => undefined },
  },
  routes: [{ method: 'GET', path: '/audit', run: () => ({ status: 204 }) }],
})

const model = await modelOf(
  `
plugins: { audit: {} }
resources:
  Dataset:
    versioned: true
    columns:
      name: string!
      owner: { type: string, default: user }
    relations: { files: { many: File } }
    permissions: { files: { verbs: [read, write] } }
    access: { create: [genomics] }
    traits: [audit.tracked]
    hooks:
      write: { prefix: [{ use: audit.note, with: { level: 2 } }] }
  File:
    columns: { name: string! }
    relations: { dataset: { one: Dataset, required: true } }
`,
  { audit: plugin },
)
const dataset = model.resource('Dataset')

t.test('the version is the last part of the key, and the rest identifies the entity', async (t) => {
  t.same(
    dataset.primaryKey.map((column) => column.name),
    ['id', 'version'],
  )
  t.same(
    dataset.entityKey.map((column) => column.name),
    ['id'],
  )
  t.equal(dataset.generatedKey?.name, 'id')
  t.equal(dataset.entityTable, 'biodm_entity_dataset')
  t.equal(model.resource('File').entityTable, null)
})

t.test('hooks of traits run before those of the resource, each with its options and settings', async (t) => {
  t.match(dataset.hooks.get('create')?.prefix, [
    { plugin: 'audit', name: 'stamp', options: {} },
    { plugin: 'audit', name: 'note', options: { level: 2 } },
  ])
})

t.test('every verb has a rule, those of traits too', async (t) => {
  t.same([...dataset.access.keys()], ['read', 'create', 'update', 'delete', 'release', 'inspect'])
  t.match(dataset.access.get('create'), { kind: 'groups', paths: ['genomics'] })
  t.match(dataset.access.get('inspect'), { kind: 'public' })
})

t.test('lists reach the rows at the end of their path', async (t) => {
  t.match(model.resource('File').reach, [
    { rule: { carrier: 'Dataset', field: 'perm_files' }, hops: ['dataset'] },
  ])
  t.same(dataset.reach, [])
})

t.test('a username as default makes creation need a login', async (t) => {
  t.ok(dataset.createNeedsLogin)
  t.notOk(model.resource('File').createNeedsLogin)
})

t.test('routes are bound to the plugin that brought them', async (t) => {
  t.match(model.routes, [{ plugin: 'audit', route: { path: '/audit' } }])
  t.match(dataset.routes, [{ plugin: 'audit', route: { path: '/:id/inspect' } }])
})

t.test('paths and names find resources; unknown names throw', async (t) => {
  t.equal(model.byPath.get('datasets'), dataset)
  t.throws(() => model.resource('Nope'))
})
