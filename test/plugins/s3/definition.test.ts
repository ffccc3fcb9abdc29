import t from 'tap'
import { ConfigError } from '../../../src/config/diagnostics.js'
import { loadDefinition } from '../../../src/config/load.js'
import { compileModel } from '../../../src/model/compile.js'
import { loadPlugin } from '../../../src/registry.js'

function config(key: string | null, options: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'files',
    auth: 'off',
    database: { url: 'sqlite::memory:' },
    plugins: { s3: { endpoint: 'file:objects', ...options } },
    resources: {
      Dataset: {
        versioned: true,
        columns: { name: 'string(50)!' },
        relations: { files: { many: 'File' } },
      },
      File: {
        traits: key === null ? ['s3.file'] : { 's3.file': { key } },
        relations: { dataset: { one: 'Dataset', required: true } },
        unique: [['filename', 'extension', 'dataset']],
      },
    },
  }
}

t.test('the trait gives a resource its columns, verbs, hooks and routes', async (t) => {
  const dir = t.testdir()
  const model = compileModel(await loadDefinition(config('{dataset.name}/{key_salt}'), { loadPlugin, dir }))
  const file = model.resource('File')
  t.ok(
    ['filename', 'size', 'ready', 'upload', 'dataset_id', 'dataset_version'].every((name) =>
      file.columns.has(name),
    ),
  )
  t.ok(file.access.has('download'))
  t.same(
    file.routes.map(({ route }) => `${route.method} ${route.path}`),
    [
      'GET /:id/download',
      'GET /:id/post_success',
      'PUT /:id/complete',
      'GET /:id/upload',
      'POST /:id/upload',
      'DELETE /:id/upload',
    ],
  )
  t.equal(model.resource('Upload').internal, true)
  t.equal(model.resource('Upload').routes.length, 0)
})

t.test('what is wrong with a template or an option is told when the configuration is read', async (t) => {
  const cases: [title: string, config: Record<string, unknown>, message: RegExp][] = [
    ['a placeholder', config('{key_salt}_{dataste.name}'), /no to-one relation "dataste"/],
    ['no identity', config('{filename}'), /must hold \{key_salt\} or \{id\}/],
    [
      'an option of the trait',
      { ...config(null), resources: { File: { traits: { 's3.file': { keys: 'x' } } } } },
      /keys/,
    ],
    ['no bucket', config(null, { endpoint: 'http://127.0.0.1:9' }), /bucket/],
    ['an option', config(null, { bukket: 'x' }), /bukket/],
    ['a size', config(null, { multipart: { part_size: 'big' } }), /part_size/],
    ['a part too small', config(null, { multipart: { part_size: '1mb' } }), /5mb to 5gb/],
  ]
  for (const [title, wrong, message] of cases) {
    try {
      await loadDefinition(wrong, { loadPlugin, dir: t.testdir() })
      t.fail(`${title} was accepted`)
    } catch (error) {
      t.type(error, ConfigError, title)
      if (error instanceof ConfigError) t.match(error.format(), message, title)
    }
  }
})
