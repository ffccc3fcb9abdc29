/** Puts a world's rows into a database. */
import { insertStep } from '../../src/managers/mutate/rows.js'
import { runSteps } from '../../src/managers/mutate/step.js'
import { entityTable, listEntryTable, listKeyColumn, listTable, type Model } from '../../src/model/model.js'
import type { Core } from '../../src/services/core.js'
import { writerOf } from '../../src/services/write-context.js'
import { GROUPS, type OracleResource, type Row, type World } from './world.js'

interface Table {
  readonly name: string
  readonly columns: readonly {
    readonly name: string
    readonly type: OracleResource['columns'][number]['type']
  }[]
  readonly rows: readonly Row[]
}

export async function storeWorld(core: Core, world: World): Promise<void> {
  const tables = [groups(core.model), ...resources(world), ...associations(world), ...lists(world)]
  const writer = writerOf(core)
  await core.database.transaction(async (trx) => {
    for (const { name, columns, rows } of tables) {
      if (rows.length > 0) await runSteps(trx, [insertStep(writer, name, columns, rows)])
    }
  })
}

function groups(model: Model): Table {
  const { table, columns } = model.resource('Group')
  const needed = [...columns.values()].filter(({ name }) => name === 'path')
  return { name: table, columns: needed, rows: GROUPS.map((path) => ({ path })) }
}

function resources(world: World): readonly Table[] {
  return [...world.resources.values()].flatMap((resource) => {
    const { table, columns, rows, versioned } = resource
    const own = { name: table, columns, rows }
    if (!versioned) return [own]
    const last = new Map<number, number>()
    for (const row of rows) {
      const [id, version] = [Number(row['id']), Number(row['version'])]
      last.set(id, Math.max(last.get(id) ?? 0, version))
    }
    const entities: Table = {
      name: entityTable(table),
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'last_version', type: 'integer' },
      ],
      rows: [...last].map(([id, version]) => ({ id, last_version: version })),
    }
    return [entities, own]
  })
}

const keyType = (resource: OracleResource, name: string) => {
  const type = resource.columns.find((column) => column.name === name)?.type ?? 'integer'
  return type === 'serial' ? 'integer' : type
}

function associations(world: World): readonly Table[] {
  return world.associations.map(({ table, left, right, links }) => {
    const sides = [
      [left, 'left'],
      [right, 'right'],
    ] as const
    const columns = sides.flatMap(([side, which]) =>
      side.key.map((part) => ({ name: `${side.table}_${part}`, type: keyType(side, part), which, part })),
    )
    const rows = links.map((link) =>
      Object.fromEntries(columns.map(({ name, which, part }) => [name, link[which][part] ?? null])),
    )
    return { name: table, columns, rows }
  })
}

function lists(world: World): readonly Table[] {
  return [...world.resources.values()].flatMap((carrier) => {
    const own = world.lists.filter(({ rule }) => rule.carrier === carrier.name)
    const key = carrier.key.map((part) => ({ name: listKeyColumn(part), type: keyType(carrier, part), part }))
    return [
      {
        name: listTable(carrier.table),
        columns: [
          { name: 'id', type: 'integer' as const },
          ...key,
          { name: 'rule', type: 'text' as const },
          { name: 'verb', type: 'text' as const },
        ],
        rows: own.map(({ id, rule, verb, carrier: row }) => ({
          id,
          rule: rule.key,
          verb,
          ...Object.fromEntries(key.map(({ name, part }) => [name, row[part] ?? null])),
        })),
      },
      {
        name: listEntryTable(carrier.table),
        columns: [
          { name: 'list_id', type: 'integer' as const },
          { name: 'path', type: 'text' as const },
        ],
        rows: own.flatMap(({ id, paths }) => paths.map((path) => ({ list_id: id, path }))),
      },
    ]
  })
}
