import t from 'tap'
import type { Definition, ResourceDefinition } from '../../src/config/definition.js'
import { loadDefinition } from '../../src/config/load.js'
import { definePlugin, type Plugin } from '../../src/plugin.js'

const audit = definePlugin({
  name: 'audit',
  traits: {
    tracked: {
      columns: { reviewed: 'boolean' },
      hooks: { write: { prefix: ['audit.stamp'] } },
    },
  },
  hooks: {
    stamp: { stage: 'prefix', run: () => undefined },
    note: { stage: 'prefix', run: () => undefined },
  },
  authenticate: () => null,
  resources: { Mark: { internal: true, columns: { text: 'text!' } } },
  extends: { User: { traits: ['audit.tracked'] } },
})

const load = (source: string | Record<string, unknown>, plugin: Plugin = audit): Promise<Definition> =>
  loadDefinition(source, { env: {}, loadPlugin: async () => plugin })

const OMICS = `
name: omics
version: 1.0.0
database: { url: 'sqlite:data/omics.db' }
plugins:
  audit:
resources:
  Project:
    columns:
      id: serial
      name: string(50)!
    relations:
      datasets: { many: Dataset }
    permissions:
      datasets: { verbs: [read, write], propagate: [files] }
  Dataset:
    versioned: true
    columns:
      name: string(50)!
      status: { type: enum, values: [draft, final], default: draft }
      created_at: { type: datetime, default: now, readonly: true }
      price: "decimal(10,2)"
    relations:
      project: { one: Project, required: true }
      contact: { one: User, column: contact_username }
      tags: { many: Tag, through: dataset_tag }
      files: { many: File }
    access: { create: [genomics], delete: admin }
    hooks:
      write: { prefix: [{ use: audit.note, with: { level: 2 } }] }
    traits: [audit.tracked]
  File:
    columns: { filename: string! }
    relations:
      dataset: { one: Dataset, required: true }
    unique: [[filename, dataset]]
  Tag:
    columns: { name: { type: string, primary: true } }
    relations: { datasets: { many: Dataset, through: dataset_tag } }
`

function resource(definition: Definition, name: string): ResourceDefinition {
  const found = definition.resources.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

t.test('a file becomes a frozen, complete definition', async (t) => {
  const dir = t.testdir({ 'biodm.yaml': OMICS })
  const definition = await load(`${dir}/biodm.yaml`)
  t.equal(definition.dir, dir)
  t.equal(definition.database.url, `sqlite:${dir}/data/omics.db`)
  t.equal(definition.server.port, 8000)
  t.equal(definition.enforce, true)
  t.same(
    definition.resources.map(({ name, table, path }) => [name, table, path]),
    [
      ['User', 'user', 'users'],
      ['Group', 'group', 'groups'],
      ['Mark', 'biodm_mark', 'marks'],
      ['Project', 'project', 'projects'],
      ['Dataset', 'dataset', 'datasets'],
      ['File', 'file', 'files'],
      ['Tag', 'tag', 'tags'],
    ],
  )
  t.ok(Object.isFrozen(resource(definition, 'Dataset').columns[0]))

  const dataset = resource(definition, 'Dataset')
  t.same(
    dataset.columns.map(({ name, type, role, required, primary }) => [name, type, role, required, primary]),
    [
      ['id', 'serial', 'data', true, true],
      ['version', 'integer', 'version', true, true],
      ['is_latest', 'boolean', 'latest', true, false],
      ['name', 'string', 'data', true, false],
      ['status', 'enum', 'data', false, false],
      ['created_at', 'datetime', 'data', false, false],
      ['price', 'decimal', 'data', false, false],
      ['reviewed', 'boolean', 'data', false, false],
      ['project_id', 'integer', 'foreign', true, false],
      ['contact_username', 'string', 'foreign', false, false],
    ],
  )
  t.same(
    dataset.relations.map((relation) => [relation.name, relation.kind, relation.target]),
    [
      ['project', 'one', 'Project'],
      ['contact', 'one', 'User'],
      ['tags', 'through', 'Tag'],
      ['files', 'many', 'File'],
    ],
  )
  t.same(dataset.hooks, {
    create: {
      prefix: [
        { use: 'audit.stamp', options: {} },
        { use: 'audit.note', options: { level: 2 } },
      ],
      postfix: [],
    },
    update: {
      prefix: [
        { use: 'audit.stamp', options: {} },
        { use: 'audit.note', options: { level: 2 } },
      ],
      postfix: [],
    },
  })
  t.same(dataset.access, { create: { kind: 'groups', paths: ['genomics'] }, delete: { kind: 'admin' } })
})

t.test('references to a versioned resource carry its version', async (t) => {
  const definition = await load({ plugins: {}, resources: resourcesOf() })
  const file = resource(definition, 'File')
  t.same(
    file.columns.map(({ name, type }) => [name, type]),
    [
      ['id', 'serial'],
      ['filename', 'string'],
      ['dataset_id', 'integer'],
      ['dataset_version', 'integer'],
    ],
  )
  t.same(file.unique, [['filename', 'dataset_id', 'dataset_version']])
  const dataset = resource(definition, 'Dataset')
  t.match(
    dataset.relations.find(({ name }) => name === 'tags'),
    {
      table: 'dataset_tag',
      owner: true,
      own: [
        { column: 'dataset_id', references: 'id' },
        { column: 'dataset_version', references: 'version' },
      ],
      other: [{ column: 'tag_id', references: 'id' }],
    },
  )
  t.match(
    resource(definition, 'Tag').relations.find(({ name }) => name === 'datasets'),
    { owner: false, own: [{ column: 'tag_id', references: 'id' }], target: 'Dataset' },
  )
  t.same(dataset.unique, [['name', 'version']])
})

function resourcesOf() {
  return {
    Dataset: {
      versioned: true,
      columns: { name: { type: 'string', unique: true } },
      relations: { tags: { many: 'Tag', through: 'dataset_tag' } },
    },
    File: {
      columns: { filename: 'string!' },
      relations: { dataset: { one: 'Dataset' } },
      unique: [['filename', 'dataset']],
    },
    Tag: {
      columns: { name: 'string' },
      relations: { datasets: { many: 'Dataset', through: 'dataset_tag' } },
    },
  }
}

t.test('a path may be written as it stands in addresses', async (t) => {
  const definition = await load({
    resources: { Thing: { path: '/my-things' }, Other: { path: 'others_too' } },
  })
  t.equal(resource(definition, 'Thing').path, 'my-things')
  t.equal(resource(definition, 'Other').path, 'others_too')
})

t.test('User and Group come with every configuration, and a configuration may extend them', async (t) => {
  const definition = await load({
    plugins: { audit: {} },
    resources: {
      User: { columns: { orcid: 'string(19)' }, access: { read: 'admin' } },
      Note: { relations: { author: { one: 'User' } } },
    },
  })
  const user = resource(definition, 'User')
  t.ok(user.managed)
  t.same(
    user.columns.map(({ name }) => name),
    ['username', 'id', 'email', 'firstName', 'lastName', 'orcid', 'reviewed'],
  )
  t.match(user.access, { read: { kind: 'admin' }, update: { kind: 'self_or_admin' } })
  const group = resource(definition, 'Group')
  t.match(
    group.columns.find(({ name }) => name === 'parent_path'),
    { hidden: true, readonly: true, default: { kind: 'parent_path', of: 'path' } },
  )
  t.match(
    group.relations.map((relation) => ({ ...relation })),
    [
      { name: 'users', kind: 'through', table: 'user_group', owner: false },
      { name: 'parent', kind: 'one', constraint: false },
      { name: 'children', kind: 'many', via: 'parent' },
    ],
  )
  t.equal(definition.enforce, true)
})
