/** Random commands: genes without rows, which become requests once it is known what there is. */
import fc from 'fast-check'
import type { Kind } from './versions-world.js'

/** What an object of a body will be; numbers pick from what there is. */
export interface Gene {
  readonly is: 'stored' | 'new' | 'keyed' | 'next' | 'bare' | 'second' | 'absent'
  readonly pick: number
  readonly named: boolean
  readonly note: string | null | undefined
  readonly ones: readonly OneGene[]
  readonly manys: readonly { readonly relation: number; readonly objects: readonly Gene[] }[]
  readonly tags: readonly TagGene[] | undefined
}

export interface OneGene {
  readonly relation: number
  readonly as: 'object' | 'columns' | 'null' | 'absent'
  readonly pick: number
  readonly object: Gene | null
}

export interface TagGene {
  readonly name: string
  readonly note: string | null | undefined
}

export type Command =
  | { readonly do: 'create'; readonly kind: Kind; readonly objects: readonly Gene[]; readonly many: boolean }
  | { readonly do: 'update'; readonly kind: Kind; readonly row: number; readonly gene: Gene }
  | {
      readonly do: 'add' | 'replace'
      readonly kind: Kind
      readonly row: number
      readonly relation: number
      readonly objects: readonly Gene[]
    }
  | {
      readonly do: 'takeOut'
      readonly kind: Kind
      readonly row: number
      readonly relation: number
      readonly child: number
    }
  | {
      readonly do: 'tag' | 'retag'
      readonly kind: Kind
      readonly row: number
      readonly tags: readonly TagGene[]
    }
  | { readonly do: 'untag'; readonly kind: Kind; readonly row: number; readonly child: number }
  | { readonly do: 'delete'; readonly kind: Kind; readonly row: number }
  | {
      readonly do: 'release'
      readonly kind: Kind
      readonly row: number
      readonly latest: boolean
      readonly gene: Gene
      readonly keyField: 'id' | 'version' | null
    }
  /** A version that is not there. */
  | { readonly do: 'missing'; readonly kind: Kind; readonly row: number; readonly method: string }

const pick = fc.nat({ max: 30 })
const relation = fc.nat({ max: 3 })
const note = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom('a', 'b') },
  { weight: 1, arbitrary: fc.constant(null) },
)
const tag = fc.record({
  name: fc.constantFrom('x', 'y', 'z'),
  note: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 2 }),
})
const tags = fc.option(fc.array(tag, { maxLength: 2 }), { nil: undefined, freq: 3 })

const weighted = <T>(weights: readonly (readonly [number, T])[]): fc.Arbitrary<T> =>
  fc.oneof(...weights.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))

const being = weighted<Gene['is']>([
  [30, 'new'],
  [12, 'stored'],
  [2, 'keyed'],
  [1, 'next'],
  [1, 'bare'],
  [1, 'second'],
  [1, 'absent'],
])

function gene(depth: number, is: fc.Arbitrary<Gene['is']> = being): fc.Arbitrary<Gene> {
  const child = depth === 0 ? null : gene(depth - 1)
  return fc.record({
    is,
    pick,
    named: fc.boolean(),
    note,
    ones: fc.array(
      fc.record({
        relation,
        as: weighted<OneGene['as']>([
          [5, 'columns'],
          [5, child === null ? 'columns' : 'object'],
          [2, 'null'],
          [1, 'absent'],
        ]),
        pick,
        object: child ?? fc.constant(null),
      }),
      { maxLength: 2 },
    ),
    manys:
      child === null
        ? fc.constant([])
        : fc.array(fc.record({ relation, objects: fc.array(child, { maxLength: 3 }) }), { maxLength: 2 }),
    tags,
  })
}

const rooted: fc.Arbitrary<Kind> = weighted([
  [6, 'Dataset'],
  [1, 'Project'],
  [1, 'Badge'],
  [2, 'Sample'],
  [2, 'Run'],
  [2, 'File'],
  [2, 'Paper'],
  [1, 'Remark'],
])
const versioned: fc.Arbitrary<Kind> = weighted([
  [10, 'Dataset'],
  [4, 'Run'],
  [4, 'Paper'],
  [1, 'Sample'],
])
const parent: fc.Arbitrary<Kind> = weighted([
  [5, 'Dataset'],
  [2, 'Sample'],
  [1, 'Project'],
  [1, 'Paper'],
])
const tagged: fc.Arbitrary<Kind> = fc.constantFrom('Dataset', 'Run')

const on = <D extends Command['do'], T extends object>(
  what: D,
  parts: { [K in keyof T]: fc.Arbitrary<T[K]> },
) => fc.record({ do: fc.constant(what), row: pick, ...parts } as never) as fc.Arbitrary<Command>

export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: on('create', {
      kind: rooted,
      many: fc.boolean(),
      objects: fc.array(gene(3), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 5, arbitrary: on('update', { kind: rooted, gene: gene(2) }) },
  {
    weight: 2,
    arbitrary: on('add', {
      kind: parent,
      relation,
      objects: fc.array(gene(1), { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: on('replace', { kind: parent, relation, objects: fc.array(gene(1), { maxLength: 2 }) }),
  },
  { weight: 1, arbitrary: on('takeOut', { kind: parent, relation, child: pick }) },
  { weight: 1, arbitrary: on('tag', { kind: tagged, tags: fc.array(tag, { minLength: 1, maxLength: 2 }) }) },
  { weight: 1, arbitrary: on('retag', { kind: tagged, tags: fc.array(tag, { maxLength: 2 }) }) },
  { weight: 1, arbitrary: on('untag', { kind: tagged, child: pick }) },
  { weight: 3, arbitrary: on('delete', { kind: rooted }) },
  {
    weight: 9,
    arbitrary: on('release', {
      kind: versioned,
      latest: weighted([
        [5, true],
        [1, false],
      ]),
      gene: fc.oneof({ weight: 1, arbitrary: fc.constant(NOTHING()) }, { weight: 2, arbitrary: gene(2) }),
      keyField: weighted<'id' | 'version' | null>([
        [15, null],
        [1, 'id'],
        [1, 'version'],
      ]),
    }),
  },
  {
    weight: 1,
    arbitrary: on('missing', { kind: versioned, method: fc.constantFrom('PUT', 'DELETE', 'release') }),
  },
)

function NOTHING(): Gene {
  return { is: 'new', pick: 0, named: false, note: undefined, ones: [], manys: [], tags: undefined }
}
