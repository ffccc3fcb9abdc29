/** The same requests to a real server, and what it has stored, matched with the rows of the model. */
import type { Client } from '../../src/runtime/client.js'
import type { Api } from '../helpers/api.js'
import { isRow, type Obj, type Row, type World } from './versions-model.js'
import { KINDS, type Kind, SHAPES, TABLES } from './versions-world.js'

type Json = Record<string, unknown>

const NOWHERE = 999_999_999

interface Key {
  readonly id: number | string
  readonly version: number | null
}

/** A stored row; references are texts of keys. */
interface Stored {
  readonly kind: Kind
  readonly text: string
  readonly key: Key
  readonly own: string
  readonly refs: Readonly<Record<string, string | null>>
  readonly links: readonly string[]
}

const textOf = (kind: Kind, { id, version }: Key): string =>
  `${kind} ${id}${version === null ? '' : `_${version}`}`

export class Server {
  readonly api: Client
  readonly #app: Api
  readonly #keys = new Map<Row, Key>()

  constructor(app: Api) {
    this.#app = app
    this.api = app.as(null)
  }

  async empty(): Promise<void> {
    this.#keys.clear()
    for (const table of TABLES) {
      const text = table === 'dataset' ? 'UPDATE "dataset" SET "cover_id" = NULL' : null
      if (text !== null) await this.#app.runtime.core.database.execute({ text, values: [] })
      await this.#app.runtime.core.database.execute({ text: `DELETE FROM "${table}"`, values: [] })
    }
  }

  path(row: Row): string {
    const key = this.#keys.get(row)
    const version = key?.version ?? null
    return `${SHAPES[row.kind].path}/${key?.id}${version === null ? '' : `_${version}`}`
  }

  /** A version of the row's entity that is not there. */
  missing(row: Row, version: number): string {
    return `${SHAPES[row.kind].path}/${this.#keys.get(row)?.id}_${version}`
  }

  body(object: Obj): Json {
    const { kind, name, note, ones, manys, tags } = object
    return {
      ...this.#keyOf(object),
      ...(name === undefined ? {} : { name }),
      ...(note === undefined ? {} : { note }),
      ...Object.assign({}, ...ones.map((one) => this.#one(kind, one))),
      ...Object.fromEntries(manys.map((many) => [many.name, many.objects.map((each) => this.body(each))])),
      ...(tags === undefined ? {} : { tags: tags.map((tag) => this.body(tag)) }),
    }
  }

  #keyOf({ kind, row, is, at }: Obj): Json {
    if (kind === 'Tag' || is === 'new' || is === 'released') return {}
    const versioned = SHAPES[kind].versioned !== false
    if (is === 'second') return { version: 2 }
    if (is === 'absent') return { id: NOWHERE, ...(versioned ? { version: 1 } : {}) }
    if (is === 'keyed') return { id: at, ...(versioned ? { version: 1 } : {}) }
    const key = this.#keys.get(is === 'stored' ? row : (at as Row))
    if (is === 'bare') return { id: key?.id }
    if (is === 'next') return { id: key?.id, version: ((at as Row).entity?.last ?? 0) + 1 }
    return { id: key?.id, ...(versioned ? { version: key?.version } : {}) }
  }

  #one(kind: Kind, { name, to }: Obj['ones'][number]): Json {
    if (to !== null && to !== 'absent' && !isRow(to)) return { [name]: this.body(to) }
    const target = SHAPES[kind].ones[name]?.target ?? kind
    const key = to === null ? null : to === 'absent' ? { id: NOWHERE, version: 1 } : this.#keys.get(to)
    const versioned = SHAPES[target].versioned !== false
    return {
      [`${name}_id`]: key?.id ?? null,
      ...(versioned ? { [`${name}_version`]: key?.version ?? null } : {}),
    }
  }

  /** Undefined: what is stored is what the model says. */
  async difference(world: World): Promise<string | undefined> {
    const stored = await this.#stored()
    const texts = new Map(stored.map((row) => [row.text, row]))
    for (const row of this.#keys.keys()) if (!world.rows.has(row)) this.#keys.delete(row)
    this.#match(world, texts)
    const meant = [...world.rows].map((row) => this.#line(world, row)).sort()
    const found = stored.map((row) => lineOf(row.text, row.own, row.refs, row.links)).sort()
    if (meant.join('\n') === found.join('\n')) return undefined
    const only = (list: readonly string[], other: readonly string[]) =>
      list.filter((line) => !other.includes(line)).join('\n  ')
    return `stored only\n  ${only(found, meant)}\nexpected only\n  ${only(meant, found)}`
  }

  #line(world: World, row: Row): string {
    const key = this.#keys.get(row)
    const refs = Object.fromEntries(
      Object.entries(row.refs).map(([name, target]) => [name, target === null ? null : this.#text(target)]),
    )
    const text = key === undefined ? `${row.kind} new` : textOf(row.kind, key)
    return lineOf(text, ownOf(world, row), refs, [...row.links].map((tag) => tag.name).sort())
  }

  #text(row: Row): string {
    const key = this.#keys.get(row)
    return key === undefined ? 'new' : textOf(row.kind, key)
  }

  /** Gives new rows of the model the keys of the stored rows that look alike, neighbours included. */
  #match(world: World, texts: ReadonlyMap<string, Stored>): void {
    for (;;) {
      const taken = new Set([...this.#keys].map(([row, key]) => textOf(row.kind, key)))
      const left = [...world.rows].filter((row) => !this.#keys.has(row))
      const free = [...texts.values()].filter((row) => !taken.has(row.text))
      if (left.length === 0 || free.length === 0) return
      const colours = this.#colours(world, texts)
      const by = <T>(rows: readonly T[], colour: (row: T) => number | undefined) => {
        const groups = new Map<number | undefined, T[]>()
        for (const row of rows) groups.set(colour(row), [...(groups.get(colour(row)) ?? []), row])
        return groups
      }
      const mine = by(left, (row) => colours.get(row))
      const theirs = by(free, (row) => colours.get(row))
      const pairs = [...mine].flatMap(([colour, rows]) => {
        const others = theirs.get(colour)
        const [row, other] = [rows[0], others?.[0]]
        return row === undefined || other === undefined
          ? []
          : [{ row, other, alone: rows.length === 1 && others?.length === 1 }]
      })
      if (pairs.length === 0) return
      const sure = pairs.filter(({ alone }) => alone)
      // Rows that look alike in everything may be told apart either way.
      for (const { row, other } of sure.length > 0 ? sure : pairs.slice(0, 1)) this.#keys.set(row, other.key)
    }
  }

  /** Colour refinement on both graphs with one palette. */
  #colours(world: World, texts: ReadonlyMap<string, Stored>): ReadonlyMap<Row | Stored, number> {
    const nodes = [...world.rows, ...texts.values()]
    const entities = new Map<unknown, (Row | Stored)[]>()
    const inward = new Map<Row | Stored, (readonly [string, Row | Stored])[]>()
    const outward = new Map<Row | Stored, readonly (readonly [string, Row | Stored | null])[]>()
    for (const node of nodes) {
      const stored = 'text' in node
      const entity = stored ? `${node.kind} ${node.key.id}` : (node.entity ?? node)
      entities.set(entity, [...(entities.get(entity) ?? []), node])
      const refs = Object.entries(node.refs).map(
        ([name, target]) =>
          [name, typeof target === 'string' ? (texts.get(target) ?? null) : target] as const,
      )
      outward.set(node, refs)
      for (const [name, target] of refs)
        if (target !== null) inward.set(target, [...(inward.get(target) ?? []), [name, node]])
    }
    const siblings = new Map(
      [...entities.values()].flatMap((list) => list.map((node) => [node, list] as const)),
    )
    let colours = new Map<Row | Stored, number>()
    const paint = (look: (node: Row | Stored) => unknown): Map<Row | Stored, number> => {
      const palette = new Map<string, number>()
      return new Map(
        nodes.map((node) => {
          const text = JSON.stringify(look(node))
          const colour = palette.get(text) ?? palette.size
          palette.set(text, colour)
          return [node, colour]
        }),
      )
    }
    colours = paint((node) => {
      if ('text' in node) return this.#isKnown(node) ? node.text : [node.own, node.links]
      const key = this.#keys.get(node)
      if (key !== undefined) return textOf(node.kind, key)
      return [ownOf(world, node), [...node.links].map((tag) => tag.name).sort()]
    })
    for (let round = 0; round < 6; round++) {
      const before = colours
      colours = paint((node) => [
        before.get(node),
        (outward.get(node) ?? [])
          .map(([name, target]) => [name, target === null ? null : before.get(target)])
          .sort(),
        (inward.get(node) ?? []).map(([name, from]) => `${name} ${before.get(from)}`).sort(),
        (siblings.get(node) ?? []).map((other) => before.get(other)).sort(),
      ])
    }
    return colours
  }

  #isKnown(stored: Stored): boolean {
    return [...this.#keys].some(([row, key]) => textOf(row.kind, key) === stored.text)
  }

  async #stored(): Promise<readonly Stored[]> {
    const found: Stored[] = []
    for (const kind of KINDS) {
      const { path, ones, versioned, tagged } = SHAPES[kind]
      const names = Object.keys(ones)
      const fields = [
        ...(kind === 'Tag' ? [] : ['id']),
        'name,note',
        ...(versioned === false ? [] : ['version,is_latest']),
        ...names.flatMap((name) => columnsOf(kind, name)),
        ...(tagged ? ['tags.name'] : []),
      ]
      const { status, body } = await this.api.get(`${path}?fields=${fields.join(',')}&end=1000`)
      if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
      for (const row of body as Json[]) {
        const key = {
          id: (kind === 'Tag' ? row['name'] : row['id']) as number,
          version: versioned === false ? null : (row['version'] as number),
        }
        found.push({
          kind,
          key,
          text: textOf(kind, key),
          own: JSON.stringify([
            kind,
            row['name'],
            row['note'],
            row['version'] ?? null,
            row['is_latest'] ?? null,
          ]),
          refs: Object.fromEntries(names.map((name) => [name, refOf(kind, name, row)])),
          links: ((row['tags'] ?? []) as { name: string }[]).map(({ name }) => name).sort(),
        })
      }
    }
    return found
  }
}

const ownOf = (world: World, row: Row): string =>
  JSON.stringify([
    row.kind,
    row.name,
    row.note,
    row.version,
    row.version === null ? null : world.isLatest(row),
  ])

const lineOf = (text: string, own: string, refs: Stored['refs'], links: readonly string[]): string =>
  `${text} ${own} ${JSON.stringify(refs)} ${links.join(' ')}`

const columnsOf = (kind: Kind, name: string): readonly string[] => {
  const target = SHAPES[kind].ones[name]?.target ?? kind
  return SHAPES[target].versioned === false ? [`${name}_id`] : [`${name}_id`, `${name}_version`]
}

function refOf(kind: Kind, name: string, row: Json): string | null {
  const target = SHAPES[kind].ones[name]?.target ?? kind
  const [id, version] = columnsOf(kind, name).map((column) => row[column] as number | null)
  return id == null ? null : textOf(target, { id, version: version ?? null })
}
