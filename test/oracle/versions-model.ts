/** The naive model of versioned resources: rows are objects that point at each other, every rule is read literally. */
import { type Kind, SHAPES } from './versions-world.js'

/** What the versions of one thing share. */
export interface Entity {
  last: number
}

export interface Row {
  readonly kind: Kind
  readonly entity: Entity | null
  readonly version: number | null
  name: string
  note: string | null
  refs: Record<string, Row | null>
  links: Set<Row>
}

/** One object of a request, all its keys already looked up. */
export interface Obj {
  readonly kind: Kind
  /** The row that its key names; for what is new, the row that it will become. */
  readonly row: Row
  readonly is: Being
  /** What its key is made of: a version of the entity it names, or a number that nothing has. */
  readonly at: Row | number | null
  readonly name: string | undefined
  readonly note: string | null | undefined
  readonly ones: readonly One[]
  readonly manys: readonly { readonly name: string; readonly objects: readonly Obj[] }[]
  readonly tags: readonly Obj[] | undefined
}

/**
 * `stored`: its whole key names a row. `new`: no key. `keyed`: a key that nothing has, all of its fields. `next`: a version that is not there.
 * `bare`: the key of a known entity without a version. `second`: version 2 of nothing. `absent`: only a key, of nothing.
 * `released`: the body of a release.
 */
export type Being = 'stored' | 'new' | 'keyed' | 'next' | 'bare' | 'second' | 'absent' | 'released'

export interface One {
  readonly name: string
  /** `absent`: foreign-key columns that lead nowhere. */
  readonly to: Obj | Row | null | 'absent'
}

export const isRow = (to: One['to']): to is Row => to !== null && to !== 'absent' && !('is' in to)

export type Verdict = 200 | 201 | 204 | 400 | 404 | 409

export interface Above {
  readonly via: string
  readonly row: Row
}

export class World {
  rows = new Set<Row>()

  of(kind: Kind): readonly Row[] {
    return [...this.rows].filter((row) => row.kind === kind)
  }

  isLatest(row: Row): boolean {
    const same = [...this.rows].filter((other) => other.entity === row.entity && other.kind === row.kind)
    return same.every((other) => (other.version ?? 0) <= (row.version ?? 0))
  }

  /** Nothing refers to what is not there. */
  isWhole(): boolean {
    return [...this.rows].every((row) =>
      Object.values(row.refs).every((target) => target === null || this.rows.has(target)),
    )
  }

  /** Runs `change` on success of everything; a refused one leaves no trace. */
  attempt(done: Verdict, change: () => Verdict | null): Verdict {
    const before = [...this.rows].map((row) => ({
      row,
      ...row,
      refs: { ...row.refs },
      links: new Set(row.links),
      last: row.entity?.last,
    }))
    const verdict = change() ?? (this.#collides(before) ? 409 : null)
    if (verdict === null) return done
    this.rows = new Set(before.map(({ row }) => row))
    for (const { row, name, note, refs, links, last } of before) {
      Object.assign(row, { name, note, refs, links })
      if (row.entity !== null && last !== undefined) row.entity.last = last
    }
    return verdict
  }

  /** Two rows of one version with one unique target, also where the one has it only until the request changes it. */
  #collides(before: readonly { readonly row: Row; readonly refs: Row['refs'] }[]): boolean {
    return [...this.rows].some((row) =>
      Object.entries(SHAPES[row.kind].ones).some(([name, { unique }]) => {
        const target = row.refs[name]
        if (unique !== true || target == null) return false
        const rivals = (other: Row) =>
          other !== row && other.kind === row.kind && other.version === row.version && this.rows.has(other)
        const had = before.find((old) => old.row === row)?.refs[name] === target
        return (
          [...this.rows].some((other) => rivals(other) && other.refs[name] === target) ||
          (!had && before.some((old) => rivals(old.row) && old.refs[name] === target))
        )
      }),
    )
  }

  /** Null: may be written. 400s win over 409s, wherever they stand in the tree. */
  judge(objects: readonly Obj[], above: Above | null): 400 | 409 | null {
    const verdicts = objects.flatMap((object) => [...this.#verdicts(object, above)])
    return verdicts.includes(400) ? 400 : verdicts.includes(409) ? 409 : null
  }

  *#verdicts(object: Obj, above: Above | null): Generator<400 | 409> {
    const { ones } = SHAPES[object.kind]
    yield* this.#own(object, above)
    for (const { name, to } of object.ones) {
      if (to === null && ones[name]?.required === true) yield 400
      if (to === 'absent') yield 409
      if (to !== null && to !== 'absent' && !isRow(to)) yield* this.#verdicts(to, null)
    }
    for (const { name, objects } of object.manys) {
      const via = SHAPES[object.kind].manys[name]?.via ?? ''
      for (const child of objects) yield* this.#verdicts(child, { via, row: object.row })
    }
    for (const tag of object.tags ?? []) yield* this.#verdicts(tag, null)
  }

  *#own(object: Obj, above: Above | null): Generator<400 | 409> {
    const shape = SHAPES[object.kind]
    const given = new Set([...object.ones.map((one) => one.name), ...(above === null ? [] : [above.via])])
    const lacks =
      (object.name === undefined && object.kind !== 'Tag') ||
      Object.entries(shape.ones).some(([name, one]) => one.required === true && !given.has(name))
    const content =
      above !== null || object.name !== undefined || object.note !== undefined || object.ones.length > 0
    if (object.is === 'released') return
    if (object.is === 'stored') {
      if (shape.versioned === 'strict' && this.#changes(object, above)) yield 409
    } else if (object.is === 'new' || object.is === 'bare') {
      if (lacks) yield 400
      else if (object.is === 'bare') yield 409
    } else if (object.is === 'second') yield 400
    else if (object.is === 'next') yield content ? 400 : 409
    else if (object.is === 'absent' || lacks) yield 409
  }

  #changes({ row, name, note, ones }: Obj, above: Above | null): boolean {
    if (name !== undefined && name !== row.name) return true
    if (note !== undefined && note !== row.note) return true
    if (above !== null && row.refs[above.via] !== above.row) return true
    return ones.some(({ name: one, to }) => {
      const target = to === null || to === 'absent' ? null : isRow(to) ? to : to.row
      return row.refs[one] !== target
    })
  }

  /** Writes objects that were judged well. */
  write(object: Obj, above: Above | null): void {
    const { row } = object
    if (object.name !== undefined) row.name = object.name
    if (object.note !== undefined) row.note = object.note
    for (const { name, to } of object.ones) {
      if (to === null || to === 'absent') row.refs[name] = null
      else if (isRow(to)) row.refs[name] = to
      else {
        this.write(to, null)
        row.refs[name] = to.row
      }
    }
    if (above !== null) row.refs[above.via] = above.row
    this.rows.add(row)
    for (const { name, objects } of object.manys) {
      const via = SHAPES[object.kind].manys[name]?.via ?? ''
      for (const child of objects) this.write(child, { via, row })
    }
    for (const tag of object.tags ?? []) {
      this.write(tag, null)
      row.links.add(tag.row)
    }
  }

  /** Null, or 409: something that stays points at a row that goes. */
  remove(gone: readonly Row[], doomed = new Set(gone)): 409 | null {
    const pointing = () =>
      [...this.rows]
        .filter((row) => !doomed.has(row))
        .flatMap((row) =>
          Object.entries(SHAPES[row.kind].ones)
            .filter(([name]) => {
              const target = row.refs[name]
              return target != null && doomed.has(target)
            })
            .map(([name, { onDelete }]) => ({ row, name, onDelete })),
        )
    for (let grown = true; grown; ) {
      const cascading = pointing().filter(({ onDelete }) => onDelete === 'cascade')
      for (const { row } of cascading) doomed.add(row)
      grown = cascading.length > 0
    }
    const staying = pointing()
    const held = ({ row, onDelete }: (typeof staying)[number]) =>
      onDelete === 'restrict' || SHAPES[row.kind].versioned === 'strict'
    if (staying.some(held)) return 409
    for (const { row, name } of staying) row.refs[name] = null
    for (const row of this.rows)
      for (const target of row.links) if (doomed.has(target)) row.links.delete(target)
    for (const row of doomed) this.rows.delete(row)
    return null
  }
}

export function blank(kind: Kind, entity: Entity | null, version: number | null): Row {
  const refs = Object.fromEntries(Object.keys(SHAPES[kind].ones).map((name) => [name, null]))
  return { kind, entity, version, name: '', note: null, refs, links: new Set() }
}

/** A row that is about to be made by a write. */
export const fresh = (kind: Kind): Row => {
  const versioned = SHAPES[kind].versioned !== false
  return blank(kind, versioned ? { last: 1 } : null, versioned ? 1 : null)
}
