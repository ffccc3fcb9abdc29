/**
 * What a postfix hook of `create` sees is what is stored, whether it was looked up or is known from the write: every type, in the
 * form in which it comes back, and the changes of hooks that ran before.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { recorderOf } from '../fixtures/recorder.js'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const RECORDER = fileURLToPath(new URL('../fixtures/recorder.ts', import.meta.url))

const WATCHED = { write: { postfix: ['recorder.after'] } }

/** Values whose canonical form is not the one that is sent. */
const TYPES = {
  name: 'string(50)!',
  whole: 'integer',
  large: 'bigint',
  real: 'number',
  exact: 'decimal(10,3)',
  long: 'text',
  choice: { type: 'enum', values: ['a', 'b'], default: 'b' },
  flag: { type: 'boolean', default: true },
  day: { type: 'date', default: 'now' },
  moment: { type: 'datetime', default: 'now', readonly: true },
  given: 'datetime',
  mark: { type: 'uuid', default: 'uuid', hidden: true },
  other: 'uuid',
}
const GIVEN = {
  name: 'x  ',
  whole: -0,
  large: 2 ** 53 - 1,
  real: 0.1 + 0.2,
  exact: '-007.5',
  long: 'ä\u{1f600}\n"',
  given: '2024-02-29T12:00:00.123456+02:30',
  other: 'ABCDEFAB-0123-4567-89AB-ABCDEFABCDEF',
}

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('the row of a create is that of the update that follows', async (t) => {
      const resources = {
        Plain: { columns: TYPES, relations: { parent: { one: 'Plain' } }, hooks: WATCHED },
        Json: { columns: { name: 'string(50)!', json: 'json' }, hooks: WATCHED },
        Versioned: { versioned: true, columns: TYPES, hooks: WATCHED },
      }
      const api = await startApi(t, { name: 'rows', plugins: { [RECORDER]: {} }, resources }, { dialect })
      const { calls } = recorderOf(api.runtime.core)
      for (const [path, bodies] of Object.entries({
        plains: [GIVEN, { name: 'little' }, { ...GIVEN, parent: { name: 'above' } }],
        jsons: [{ name: 'x', json: { bb: 1, a: [null, { c: 1e300 }] } }, { name: 'y' }],
        versioneds: [GIVEN, { name: 'little' }],
      })) {
        for (const body of bodies) {
          calls.length = 0
          const made = await api.post(`/${path}`, body)
          t.equal(made.status, 201, JSON.stringify(made.body))
          const created = calls.flatMap(({ rows }) => rows) as Record<string, unknown>[]
          calls.length = 0
          const { id, version } = made.body
          await api.patch(`/${path}/${id}${version === undefined ? '' : `_${version}`}`, { name: 'changed' })
          const [updated] = calls.flatMap(({ rows }) => rows) as Record<string, unknown>[]
          const before = created.find((row) => row['id'] === id)
          t.same(before, { ...updated, name: body.name }, path)
          t.same(Object.keys(before ?? {}).sort(), Object.keys(updated ?? {}).sort())
        }
      }
    })

    t.test('a hook sees what the hooks of the rows above it have changed', async (t) => {
      const resources = {
        Box: {
          path: 'boxes',
          columns: { name: 'string(50)!' },
          relations: { items: { many: 'Item' } },
          hooks: { create: { postfix: ['recorder.relabel'] } },
        },
        Item: {
          columns: { name: 'string(50)!' },
          relations: { box: { one: 'Box', required: true, embed: false } },
          hooks: WATCHED,
        },
      }
      const api = await startApi(t, { name: 'rows', plugins: { [RECORDER]: {} }, resources }, { dialect })
      t.equal((await api.post('/boxes', { name: 'b', items: [{ name: 'i' }] })).status, 201)
      t.match(recorderOf(api.runtime.core).calls, [{ resource: 'Item', rows: [{ name: 'of b' }] }])
    })
  })
}
