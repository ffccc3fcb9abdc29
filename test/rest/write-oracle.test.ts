import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import type { Client } from '../../src/runtime.js'
import { DIALECTS } from '../helpers/databases.js'
import { serveWorld } from '../helpers/worlds.js'

/**
 * Random trees written into random states, compared with a naive model of the flexible write. Keys that clients give are
 * 1 to 4; generated ones start behind 1000, so that both sides can tell them apart and compare such rows by content.
 */
const WORLD = {
  resources: {
    Project: {
      columns: { id: 'serial', name: 'string!', note: 'string' },
      relations: { datasets: { many: 'Dataset' } },
    },
    Dataset: {
      columns: { id: 'serial', name: 'string!', note: 'string' },
      relations: {
        project: { one: 'Project' },
        tags: { many: 'Tag', through: 'dataset_tag' },
        files: { many: 'File' },
      },
    },
    File: {
      columns: { id: 'serial', name: 'string!' },
      relations: { dataset: { one: 'Dataset', required: true } },
    },
    Tag: { columns: { name: { type: 'string', primary: true }, note: 'string' } },
  },
}

type Kind = 'Project' | 'Dataset' | 'File' | 'Tag'
type Obj = Record<string, unknown>

interface Shape {
  readonly key: string
  readonly required: readonly string[]
  readonly columns: readonly string[]
  readonly one: Readonly<Record<string, { readonly target: Kind; readonly column: string }>>
  readonly many: Readonly<Record<string, { readonly target: Kind; readonly column: string }>>
  readonly links: Readonly<Record<string, Kind>>
}

const SHAPES: Readonly<Record<Kind, Shape>> = {
  Project: {
    key: 'id',
    required: ['name'],
    columns: ['name', 'note'],
    one: {},
    many: { datasets: { target: 'Dataset', column: 'project_id' } },
    links: {},
  },
  Dataset: {
    key: 'id',
    required: ['name'],
    columns: ['name', 'note'],
    one: { project: { target: 'Project', column: 'project_id' } },
    many: { files: { target: 'File', column: 'dataset_id' } },
    links: { tags: 'Tag' },
  },
  File: {
    key: 'id',
    required: ['name', 'dataset_id'],
    columns: ['name'],
    one: { dataset: { target: 'Dataset', column: 'dataset_id' } },
    many: {},
    links: {},
  },
  Tag: { key: 'name', required: [], columns: ['note'], one: {}, many: {}, links: {} },
}

/** One row as the body means it; `from`: the row that its foreign key takes. */
interface Meant {
  readonly kind: Kind
  key: unknown
  given: Obj
  readonly from: Map<string, Meant | null>
  written: boolean
}

class Refused extends Error {}

/** The naive model: tables as maps, one object after the other. */
class Naive {
  tables: Record<Kind, Map<unknown, Obj>> = {
    Project: new Map(),
    Dataset: new Map(),
    File: new Map(),
    Tag: new Map(),
  }
  links = new Set<string>()
  #next = 1001

  /** False: refused, and nothing has changed. */
  write(kind: Kind, body: readonly Obj[]): boolean {
    const before = {
      tables: Object.fromEntries(
        Object.entries(this.tables).map(([name, rows]) => [
          name,
          new Map([...rows].map(([key, row]) => [key, { ...row }])),
        ]),
      ) as Naive['tables'],
      links: new Set(this.links),
    }
    try {
      const meant: Meant[] = []
      const pairs: [Meant, Meant][] = []
      for (const object of body) this.#collect(kind, object, null, meant, pairs)
      for (const row of meant) this.#store(row, [])
      for (const [dataset, tag] of pairs) this.links.add(`${dataset.key} ${tag.key}`)
      return true
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      Object.assign(this, before)
      return false
    }
  }

  /** Objects that name the same key are one row, and must not contradict each other. */
  #collect(
    kind: Kind,
    object: Obj,
    holder: { column: string; row: Meant } | null,
    meant: Meant[],
    pairs: [Meant, Meant][],
  ): Meant {
    const shape = SHAPES[kind]
    const row: Meant = { kind, key: object[shape.key] ?? null, given: {}, from: new Map(), written: false }
    for (const name of shape.columns) if (name in object) row.given[name] = object[name]
    for (const [name, { target, column }] of Object.entries(shape.one)) {
      if (!(name in object)) continue
      if (holder?.column === column) throw new Refused('two parents')
      const value = object[name] as Obj | null
      if (value === null && shape.required.includes(column)) throw new Refused('required')
      row.from.set(column, value === null ? null : this.#collect(target, value, null, meant, pairs))
    }
    if (holder !== null) row.from.set(holder.column, holder.row)
    let known =
      row.key === null ? undefined : meant.find((other) => other.kind === kind && other.key === row.key)
    if (known === undefined) {
      meant.push(row)
      known = row
    } else this.#merge(known, row)
    for (const [name, { target, column }] of Object.entries(shape.many)) {
      for (const child of (object[name] ?? []) as Obj[]) {
        this.#collect(target, child, { column, row: known }, meant, pairs)
      }
    }
    for (const [name, target] of Object.entries(shape.links)) {
      for (const other of (object[name] ?? []) as Obj[]) {
        pairs.push([known, this.#collect(target, other, null, meant, pairs)])
      }
    }
    return known
  }

  #merge(known: Meant, again: Meant): void {
    const says = (row: Meant) => Object.keys(row.given).length + row.from.size > 0
    if (!says(again)) return
    const same =
      JSON.stringify(sorted(known.given)) === JSON.stringify(sorted(again.given)) &&
      known.from.size === again.from.size &&
      [...known.from].every(([column, from]) => again.from.has(column) && again.from.get(column) === from)
    if (says(known) && !same) throw new Refused('twice')
    known.given = { ...again.given }
    for (const [column, from] of again.from) known.from.set(column, from)
  }

  #store(row: Meant, path: readonly Meant[]): unknown {
    if (row.written) return row.key
    if (path.includes(row)) throw new Refused('circle')
    const shape = SHAPES[row.kind]
    const table = this.tables[row.kind]
    const values: Obj = { ...row.given }
    for (const [column, from] of row.from) {
      values[column] = from === null ? null : this.#store(from, [...path, row])
    }
    const stored = row.key === null ? undefined : table.get(row.key)
    if (stored !== undefined) Object.assign(stored, values)
    else {
      if (shape.required.some((name) => (values[name] ?? null) === null)) throw new Refused('missing')
      row.key ??= this.#next++
      const blank = Object.fromEntries(
        [...shape.columns, ...Object.values(shape.one).map(({ column }) => column)].map((name) => [
          name,
          null,
        ]),
      )
      table.set(row.key, { ...blank, ...values })
    }
    row.written = true
    return row.key
  }

  /** All rows, generated keys replaced by what the rows hold. */
  dump(): unknown {
    return dumpOf(
      Object.fromEntries(
        Object.entries(this.tables).map(([kind, rows]) => [
          kind,
          [...rows].map(([key, row]) => ({ [SHAPES[kind as Kind].key]: key, ...row })),
        ]),
      ) as Record<Kind, Obj[]>,
      [...this.links].map((link) => {
        const space = link.indexOf(' ')
        return [Number(link.slice(0, space)), link.slice(space + 1)] as const
      }),
    )
  }
}

const sorted = (object: Obj): [string, unknown][] =>
  Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))

function dumpOf(tables: Record<Kind, Obj[]>, links: readonly (readonly [number, string])[]): unknown {
  const label = (kind: Kind, key: unknown): string => {
    if (key === null || typeof key !== 'number' || key < 1000) return String(key)
    const row = tables[kind].find((candidate) => candidate['id'] === key)
    return row === undefined ? 'nothing' : `new ${content(kind, row)}`
  }
  const content = (kind: Kind, row: Obj): string => {
    const shape = SHAPES[kind]
    const own = shape.columns.map((name) => `${name}=${String(row[name])}`)
    const foreign = Object.values(shape.one).map(
      ({ target, column }) => `${column}=${label(target, row[column])}`,
    )
    const tags = kind === 'Dataset' ? links.filter(([id]) => id === row['id']).map(([, tag]) => tag) : []
    return [...own, ...foreign, ...tags.sort()].join(' ')
  }
  return Object.fromEntries(
    (Object.keys(SHAPES) as Kind[]).map((kind) => [
      kind,
      tables[kind]
        .map(
          (row) =>
            `${label(kind, row[SHAPES[kind].key]).startsWith('new') ? 'new' : row[SHAPES[kind].key]}: ${content(kind, row)}`,
        )
        .sort(),
    ]),
  )
}

async function stored(api: Client): Promise<unknown> {
  const rows = async (path: string): Promise<Obj[]> => (await api.get(`${path}?end=1000`)).body
  const datasets = await rows('/datasets')
  return dumpOf(
    {
      Project: await rows('/projects'),
      Dataset: datasets,
      File: await rows('/files'),
      Tag: await rows('/tags'),
    },
    datasets.flatMap((row) =>
      (row['tags'] as { name: string }[]).map((tag) => [row['id'] as number, tag.name] as const),
    ),
  )
}

const id = fc.integer({ min: 1, max: 4 })
const text = fc.constantFrom('a', 'b')
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
/** Leaves out what is undefined. */
const object = (parts: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Obj> =>
  fc
    .record(parts)
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)))

const tag = object({ name: fc.constantFrom('x', 'y', 'z'), note: optional(text) })
const file = object({ id: optional(id), name: optional(text) })
const looseFile = object({ id: optional(id), name: optional(text), dataset: optional(object({ id })) })
const project = object({ id: optional(id), name: optional(text), note: optional(text) })
const dataset = (nested: boolean) =>
  object({
    id: optional(id),
    name: optional(text),
    note: optional(text),
    ...(nested ? { project: optional(fc.option(project, { freq: 4 })) } : {}),
    tags: optional(fc.array(tag, { maxLength: 2 })),
    files: optional(fc.array(file, { maxLength: 2 })),
  })
const write: fc.Arbitrary<{ kind: Kind; body: Obj[] }> = fc.oneof(
  fc.record({
    kind: fc.constant<Kind>('Dataset'),
    body: fc.array(dataset(true), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant<Kind>('Project'),
    body: fc.array(
      object({
        id: optional(id),
        name: optional(text),
        note: optional(text),
        datasets: optional(fc.array(dataset(false), { maxLength: 2 })),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  fc.record({ kind: fc.constant<Kind>('File'), body: fc.array(looseFile, { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constant<Kind>('Tag'), body: fc.array(tag, { minLength: 1, maxLength: 2 }) }),
)

const PATHS: Readonly<Record<Kind, string>> = {
  Project: '/projects',
  Dataset: '/datasets',
  File: '/files',
  Tag: '/tags',
}
const TABLES = ['dataset_tag', 'file', 'dataset', 'project', 'tag']

for (const dialect of DIALECTS) {
  t.test(`${dialect}: random trees do what the naive model says`, async (t) => {
    const app = await serveWorld(t, dialect, WORLD)
    const api = app.as(null)
    for (const path of ['/projects', '/datasets'])
      await api.post(path, { id: 1000, name: 'moves the sequence' })
    await api.post('/files', { id: 1000, name: 'moves the sequence', dataset: { id: 1000 } })
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 5 }), async (writes) => {
        for (const table of TABLES) {
          await app.core.database.execute({ text: `DELETE FROM "${table}"`, values: [] })
        }
        const naive = new Naive()
        for (const { kind, body } of writes) {
          const answer = await api.post(PATHS[kind], body)
          const expected = naive.write(kind, body)
          const ok = answer.status === 201
          if (ok !== expected || (!ok && answer.status !== 400 && answer.status !== 409)) {
            throw new Error(
              `${answer.status} ${JSON.stringify(answer.body)}, expected ${expected ? 201 : 'a refusal'}`,
            )
          }
          if (ok) accepted += 1
        }
        const [real, model] = [JSON.stringify(await stored(api)), JSON.stringify(naive.dump())]
        if (real !== model) throw new Error(`stored ${real}\nmodel  ${model}`)
      }),
      { numRuns: 150, seed: 20261124 },
    )
    t.ok(accepted > 100, `${accepted} writes were accepted`)
  })
}
