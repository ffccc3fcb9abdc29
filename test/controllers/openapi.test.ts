import { createConfig, lintFromString } from '@redocly/openapi-core'
import t from 'tap'
import { loadDefinition } from '../../src/config/load.js'
import { openapiDocument } from '../../src/controllers/openapi/document.js'
import { compileModel } from '../../src/model/compile.js'
import type { Model } from '../../src/model/model.js'
import { definePlugin } from '../../src/plugin.js'
import { loadPlugin } from '../../src/registry.js'
import { routeTable } from '../../src/runtime/routes.js'
import { modelOf } from '../helpers/models.js'

const OMICS = `
name: omics
version: 2.0.0
plugins: { door: {}, audit: {} }
resources:
  Project:
    description: A funded study
    columns: { name: string(50)!, secret: { type: text, hidden: true } }
    relations: { datasets: { many: Dataset } }
    access: { read: public }
    permissions: { datasets: { verbs: [read, write, download], propagate: [files] } }
  Dataset:
    versioned: true
    columns:
      name: string(50)!
      status: { type: enum, values: [draft, final], default: draft }
      price: "decimal(10,2)"
      created_at: { type: datetime, default: now, readonly: true }
      meta: json
    relations:
      project: { one: Project, required: true }
      contact: { one: User }
      tags: { many: Tag, through: dataset_tag }
      files: { many: File }
    access: { create: [genomics], delete: admin }
  File:
    traits: [audit.tracked]
    relations: { dataset: { one: Dataset }, note: { one: Note } }
  Tag: { path: tag-list, columns: { name: { type: string, primary: true } } }
`

const PLUGINS = {
  door: definePlugin({
    name: 'door',
    securityScheme: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    authenticate: () => null,
    extends: { User: { traits: ['door.user'] } },
    traits: { user: { columns: { password: { type: 'string', virtual: true } } } },
  }),
  audit: definePlugin({
    name: 'audit',
    resources: { Note: { internal: true, columns: { text: 'text' } } },
    traits: {
      tracked: {
        verbs: ['download'],
        columns: { links: { type: 'json', virtual: true, readonly: true } },
        routes: [{ method: 'GET', path: '/:id/download', verb: 'download', run: () => ({ status: 204 }) }],
      },
    },
    routes: [
      {
        method: 'POST',
        path: '/audit/:topic',
        public: true,
        openapi: {
          summary: 'Send a report',
          operationId: 'sendReport',
          requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
          responses: { 202: { description: 'Taken' } },
        },
        run: () => ({ status: 202 }),
      },
      { method: 'GET', path: '/audit', hidden: true, run: () => ({ status: 200 }) },
    ],
  }),
}

interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly security: readonly unknown[]
  readonly parameters?: readonly Record<string, unknown>[]
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, unknown>>
}
interface Document {
  readonly info: Record<string, unknown>
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: Record<string, unknown> }>>
  } & Record<string, unknown>
}

const documentOf = (model: Model, resource?: string): Document =>
  openapiDocument(model, routeTable(model), resource === undefined ? {} : { resource }) as unknown as Document

async function lint(document: unknown): Promise<string[]> {
  const config = await createConfig({
    extends: ['spec'],
    rules: { 'operation-operationId-unique': 'error', 'no-unused-components': 'error' },
  })
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer ?? ''}`,
  )
}

t.test('the document of everything is valid OpenAPI 3.1, and so is that of each resource', async (t) => {
  const model = await modelOf(OMICS, PLUGINS)
  t.same(await lint(documentOf(model)), [])
  for (const name of ['Project', 'Dataset', 'File', 'Tag', 'User', 'Group'])
    t.same(await lint(documentOf(model, name)), [], name)
  t.same(await lint(documentOf(await modelOf({}))), [], 'of a server without any resource')
})

t.test('what the shipped plugins add is valid too', async (t) => {
  const plugins: readonly Record<string, unknown>[] = [
    { accounts: {}, s3: { endpoint: 'file:objects', bucket: 'b' } },
    { keycloak: { host: 'https://kc.example.org', realm: 'r', client_id: 'c', client_secret: 's' } },
  ]
  for (const use of plugins) {
    const source = {
      plugins: use,
      resources: { Photo: { versioned: true, ...('s3' in use ? { traits: ['s3.file'] } : {}) } },
    }
    const definition = await loadDefinition(source, { loadPlugin, env: {} })
    t.same(await lint(documentOf(compileModel(definition))), [], Object.keys(use).join())
  }
})

t.test('the validator does find faults', async (t) => {
  const document = documentOf(await modelOf({}))
  const broken = {
    ...document,
    paths: { '/x/{id}': { get: { responses: { 200: { $ref: '#/components/responses/None' } } } } },
  }
  t.ok((await lint(broken)).length > 1)
})

t.test('operations have names that read well', async (t) => {
  const document = documentOf(await modelOf(OMICS, PLUGINS))
  const ids = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId }]) => [`${method} ${path}`, operationId] as const),
  )
  t.match(Object.fromEntries(ids), {
    'get /datasets': 'listDatasets',
    'post /datasets': 'createDataset',
    'get /datasets/{id}': 'readDataset',
    'put /datasets/{id}': 'updateDataset',
    'patch /datasets/{id}': 'patchDataset',
    'delete /datasets/{id}': 'deleteDataset',
    'get /datasets/{id}/project': 'readDatasetProject',
    'get /datasets/{id}/files': 'listDatasetFiles',
    'post /datasets/{id}/files': 'addDatasetFiles',
    'put /datasets/{id}/tags': 'replaceDatasetTags',
    'delete /datasets/{id}/tags/{child}': 'removeDatasetTags',
    'get /tag-list': 'listTagList',
    'get /files/{id}/download': 'getFileDownload',
    'post /audit/{topic}': 'sendReport',
    'get /live': 'getLive',
    'get /datasets/schema': 'getDatasetSchema',
  })
  t.notOk(document.paths['/audit'], 'hidden routes are not described')
})

t.test('what is read and what is written differ as the columns say', async (t) => {
  const { schemas } = documentOf(await modelOf(OMICS, PLUGINS)).components
  const names = (schema: string): string[] => Object.keys(schemas[schema]?.properties ?? {})
  t.same(names('Project'), ['id', 'name', 'datasets', 'perm_datasets'], 'hidden columns are nowhere')
  t.notOk(names('DatasetWrite').includes('created_at'))
  t.notOk(names('DatasetWrite').includes('is_latest'))
  t.ok(names('Dataset').includes('is_latest'))
  t.notOk(names('User').includes('password'))
  t.match(schemas['UserWrite']?.properties, { password: { writeOnly: true } })
  t.match(schemas['File']?.properties, { links: { readOnly: true } })
  t.notOk(names('FileWrite').includes('note'), 'internal resources cannot be written')
  t.notOk(schemas['NoteWrite'])
  t.match(schemas['Dataset']?.properties, {
    project: { anyOf: [{ $ref: '#/components/schemas/Project' }, { type: 'null' }] },
    tags: { type: 'array', items: { $ref: '#/components/schemas/Tag' } },
    status: { type: ['string', 'null'], enum: ['draft', 'final', null] },
  })
})

t.test('a token is asked for where the rules ask for one', async (t) => {
  const document = documentOf(await modelOf(OMICS, PLUGINS))
  const needed = [{ door: [] }]
  t.same(document.components['securitySchemes'], { door: PLUGINS.door.securityScheme })
  t.same(document.paths['/datasets']?.['post']?.security, needed)
  t.same(document.paths['/users']?.['get']?.security, needed)
  t.same(
    document.paths['/datasets']?.['get']?.security,
    [{}, ...needed],
    'open, but a caller may be somebody',
  )
  t.same(document.paths['/audit/{topic}']?.['post']?.security, [])
  t.same(document.paths['/live']?.['get']?.security, [])
  t.same(documentOf(await modelOf({})).paths['/users']?.['get']?.security, [])
})

t.test('parameters and answers of a route are complete', async (t) => {
  const { paths } = documentOf(await modelOf(OMICS, PLUGINS))
  const list = paths['/datasets']?.['get']
  const own = list?.parameters?.flatMap(({ name }) => (name === undefined ? [] : [name]))
  t.same(own, [
    'id',
    'version',
    'is_latest',
    'name',
    'status',
    'price',
    'created_at',
    'project_id',
    'contact_username',
  ])
  t.equal(list?.parameters?.filter(({ $ref }) => $ref !== undefined).length, 6)
  t.match(paths['/projects/{id}']?.['get']?.parameters?.[0], {
    name: 'id',
    in: 'path',
    schema: { type: 'integer' },
  })
  t.match(paths['/datasets/{id}']?.['get']?.parameters?.[0], {
    description: /id_version/,
    schema: { type: 'string' },
  })
  const statuses = Object.keys(paths['/datasets/{id}']?.['put']?.responses ?? {})
  for (const status of ['200', '400', '401', '403', '404', '409', '413', '415', '500', '503'])
    t.ok(statuses.includes(status), status)
  t.match(paths['/audit/{topic}']?.['post'], {
    parameters: [{ name: 'topic', in: 'path', required: true }],
    responses: { 202: { description: 'Taken' } },
  })
})
