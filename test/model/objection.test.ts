import type { ModelClass, Model as ObjectionModel, QueryBuilder } from 'objection'
import t from 'tap'
import { migrate } from '../../src/managers/migrate.js'
import { objectionModels } from '../../src/model/objection.js'
import { DIALECTS, openTestDatabase } from '../helpers/databases.js'
import { modelOf } from '../helpers/models.js'

const model = await modelOf(`
auth: off
resources:
  Box:
    versioned: true
    columns:
      name: text
      price: "decimal(8,2)"
      ok: boolean
      meta: json
      at: datetime
      ref: uuid
      secret: { type: text, virtual: true }
    relations:
      parts: { many: Part }
      label: { one: Label, via: box }
      tags: { many: Tag, through: box_tag }
  Part: { columns: { name: text }, relations: { box: { one: Box } } }
  Label: { columns: { text: text }, relations: { box: { one: Box, unique: true } } }
  Tag: { columns: { name: { type: string, primary: true } }, relations: { boxes: { many: Box, through: box_tag } } }
`)

const values = {
  name: 'a',
  price: '1.50',
  ok: true,
  meta: { b: 1, a: [null, 'x'] },
  at: '2024-01-02T03:04:05.678Z',
  ref: '123e4567-e89b-12d3-a456-426614174000',
}

type Any = QueryBuilder<ObjectionModel, unknown>
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

for (const dialect of DIALECTS) {
  t.test(`${dialect}: models read and write JSON values through every kind of relation`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, model)
    const bind = objectionModels(model)
    await database.transaction(async (trx) => {
      const models = bind(trx.knex()) as unknown as Record<
        'Box' | 'Part' | 'Label' | 'Tag',
        ModelClass<ObjectionModel>
      >
      t.equal(bind(trx.knex()), models)
      await models.Box.query().insert({
        id: 1,
        version: 1,
        is_latest: true,
        ...values,
        price: '01.5',
        at: new Date(values.at),
        ref: values.ref.toUpperCase(),
        secret: 'not stored',
      } as object)
      await models.Part.query().insert({ name: 'p', box_id: 1, box_version: 1 } as object)
      await models.Label.query().insert({ text: 'l', box_id: 1, box_version: 1 } as object)
      await models.Tag.query().insert({ name: 't' } as object)
      await (models.Box.relatedQuery('tags').for([[1, 1]]) as unknown as Any).relate('t')
      const box = await models.Box.query().findById([1, 1]).withGraphFetched('[parts.box, label, tags.boxes]')
      t.match(plain(box), {
        ...values,
        is_latest: true,
        parts: [{ name: 'p', box: { name: 'a' } }],
        label: { text: 'l' },
        tags: [{ name: 't', boxes: [{ id: 1, version: 1, ok: true }] }],
      })
      await models.Box.query()
        .findById([1, 1])
        .patch({ meta: 'text', ok: false } as object)
      t.match(plain(await models.Box.query().findById([1, 1])), { meta: 'text', ok: false })
    })
  })
}

t.test('models of two transactions do not meet', async (t) => {
  const [one, two] = [await openTestDatabase(t, 'sqlite'), await openTestDatabase(t, 'sqlite')]
  const bind = objectionModels(model)
  for (const database of [one, two]) await migrate(database, model)
  await one.transaction(async (first) => {
    await two.transaction(async (second) => {
      const Tag = (trx: typeof first) =>
        (bind(trx.knex()) as unknown as Record<string, ModelClass<ObjectionModel>>)['Tag']
      await Tag(first)
        ?.query()
        .insert({ name: 'x' } as object)
      t.same(await Tag(second)?.query().resultSize(), 0)
    })
  })
})
