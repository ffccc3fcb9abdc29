/** Genes → objects: picks rows of the model, each at most once in a request. */
import type { Gene, OneGene, TagGene } from './versions-commands.js'
import { type Being, fresh, type Obj, type One, type Row, type World } from './versions-model.js'
import { type Kind, SHAPES } from './versions-world.js'

export const at = <T>(list: readonly T[], position: number): T | undefined => list[position % list.length]

export class Resolver {
  readonly #world: World
  readonly #used = new Set<Row>()
  readonly #tags = new Map<string, Row>()
  /** Rows that may be named but not changed: a release copies them. */
  readonly #frozen: ReadonlySet<Row>
  static #count = 0

  constructor(world: World, used: Iterable<Row> = [], frozen: Iterable<Row> = []) {
    this.#world = world
    for (const row of used) this.#used.add(row)
    this.#frozen = new Set(frozen)
  }

  /** `via`: the relation that the place fills. Undefined: there is no such object to be made. */
  object(kind: Kind, gene: Gene, via: string | null): Obj {
    const found =
      gene.is === 'stored' || gene.is === 'next' || gene.is === 'bare' ? this.#free(kind, gene) : null
    const is: Being = this.#being(kind, gene, found)
    const row = is === 'stored' && found !== null ? found : fresh(kind)
    this.#used.add(row)
    const number = ++Resolver.#count
    const base = { kind, row, is, at: found ?? 1_000_000 + number }
    if (is === 'absent' || (is === 'stored' && this.#frozen.has(row)))
      return { ...base, name: undefined, note: undefined, ones: [], manys: [], tags: undefined }
    return { ...base, ...this.content(kind, gene, via, is === 'stored' ? row : null, `n${number}`) }
  }

  /** The fields of an object; `stored`: the row that has them already. */
  content(
    kind: Kind,
    gene: Gene,
    via: string | null,
    stored: Row | null,
    name: string | undefined,
  ): Pick<Obj, 'name' | 'note' | 'ones' | 'manys' | 'tags'> {
    const shape = SHAPES[kind]
    const relations = Object.keys(shape.ones).filter((one) => one !== via)
    const genes = new Map(gene.ones.map((one) => [at(relations, one.relation), one]))
    const required = relations.filter((one) => shape.ones[one]?.required === true)
    // What is new is mostly complete.
    if (stored === null && name !== undefined && gene.pick % 5 > 0)
      for (const one of required)
        if (!genes.has(one)) genes.set(one, { relation: 0, as: 'columns', pick: gene.pick, object: null })
    const ones = [...genes].flatMap(([one, each]) => (one === undefined ? [] : this.#one(kind, one, each)))
    const collections = Object.keys(shape.manys)
    const manys = new Map(gene.manys.map((many) => [at(collections, many.relation), many.objects]))
    return {
      name: stored === null ? name : gene.named ? stored.name : undefined,
      note: gene.note,
      ones,
      manys: [...manys].flatMap(([many, objects]) => {
        const child = shape.manys[many ?? '']
        if (many === undefined || child === undefined) return []
        return [{ name: many, objects: objects.map((each) => this.object(child.target, each, child.via)) }]
      }),
      tags: shape.tagged && gene.tags !== undefined ? this.tags(gene.tags) : undefined,
    }
  }

  tags(genes: readonly TagGene[]): readonly Obj[] {
    return genes.flatMap(({ name, note }) => {
      if (this.#tags.has(name)) return []
      const known = this.#world.of('Tag').find((tag) => tag.name === name)
      const row = known ?? { ...fresh('Tag'), name }
      this.#tags.set(name, row)
      const is = known === undefined ? 'new' : 'stored'
      return [{ kind: 'Tag', row, is, at: null, name, note, ones: [], manys: [], tags: undefined }]
    })
  }

  #being(kind: Kind, { is }: Gene, found: Row | null): Being {
    if (found === null && (is === 'stored' || is === 'next' || is === 'bare')) return 'new'
    if (SHAPES[kind].versioned === false && (is === 'next' || is === 'bare' || is === 'second')) return 'new'
    return is
  }

  /** Of an entity that is named without one of its versions, no other object says anything. */
  #free(kind: Kind, { is, pick }: Gene): Row | null {
    const rows = this.#world.of(kind).filter((row) => !this.#used.has(row))
    if (is === 'stored') return at(rows, pick) ?? null
    const entities = new Set([...this.#used].map((row) => row.entity))
    const found = at(
      rows.filter((row) => row.entity !== null && !entities.has(row.entity)),
      pick,
    )
    for (const row of this.#world.of(kind)) if (row.entity === found?.entity) this.#used.add(row)
    return found ?? null
  }

  #one(kind: Kind, name: string, { as, pick, object }: OneGene): readonly One[] {
    const target = SHAPES[kind].ones[name]?.target
    if (target === undefined) return []
    if (as === 'null') return [{ name, to: null }]
    if (as === 'absent') return [{ name, to: 'absent' }]
    if (as === 'object' && object !== null) return [{ name, to: this.object(target, object, null) }]
    const row = at(this.#world.of(target), pick)
    return row === undefined ? [] : [{ name, to: row }]
  }
}
