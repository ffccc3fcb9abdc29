/** Small worlds that tests of operations share, each served in-process on a fresh database. */
import type { DialectName } from '../../src/config/definition.js'
import { createRuntime, type Runtime } from '../../src/runtime.js'
import { type Teardown, testDatabaseUrl } from './databases.js'

/** A runtime on a fresh database, closed with the test. */
export async function serveWorld(
  t: Teardown,
  dialect: DialectName,
  config: Readonly<Record<string, unknown>>,
): Promise<Runtime> {
  const url = await testDatabaseUrl(t, dialect)
  const app = await createRuntime({ name: 'world', ...config }, { database: { url } })
  t.teardown(() => app.close())
  return app
}

/** Relations of every kind, nothing versioned, everything open. */
export const LIBRARY = {
  resources: {
    Project: {
      columns: { id: 'serial', name: 'string(50)!', code: { type: 'string', unique: true } },
      relations: { datasets: { many: 'Dataset' } },
    },
    Dataset: {
      columns: {
        id: 'serial',
        name: 'string(50)!',
        size: 'bigint',
        price: { type: 'decimal(10,2)' },
        status: { type: 'enum', values: ['draft', 'final'], default: 'draft' },
        extra: 'json',
        taken: 'datetime',
        open: { type: 'boolean', default: true },
        created_at: { type: 'datetime', default: 'now', readonly: true },
      },
      relations: {
        project: { one: 'Project', required: true },
        contact: { one: 'Person', on_delete: 'set_null' },
        tags: { many: 'Tag', through: 'dataset_tag' },
        files: { many: 'File' },
        note: { one: 'Note', via: 'dataset' },
      },
    },
    File: {
      columns: { id: 'serial', filename: 'string!', size: 'bigint' },
      relations: {
        dataset: { one: 'Dataset', required: true, on_delete: 'cascade' },
        parts: { many: 'Part' },
      },
      unique: [['filename', 'dataset']],
    },
    Part: {
      columns: { id: 'serial', number: 'integer!' },
      relations: { file: { one: 'File', required: true, on_delete: 'cascade' } },
    },
    Note: {
      columns: { id: 'serial', text: 'text' },
      relations: { dataset: { one: 'Dataset', unique: true, on_delete: 'set_null' } },
    },
    Person: { columns: { username: { type: 'string', primary: true }, email: 'string' } },
    Tag: {
      columns: { name: { type: 'string', primary: true }, colour: 'string' },
      relations: { datasets: { many: 'Dataset', through: 'dataset_tag' } },
    },
  },
} as const

/** Rows of `biodm_history`, oldest first; `body` parsed. */
export async function historyOf(app: Runtime): Promise<readonly Record<string, unknown>[]> {
  const rows = await app.core.database.rows({
    text: 'SELECT username, method, path, resource, key, body FROM biodm_history ORDER BY id',
    values: [],
  })
  return rows.map((row) => ({
    ...row,
    body: typeof row['body'] === 'string' ? JSON.parse(row['body']) : row['body'],
  }))
}
