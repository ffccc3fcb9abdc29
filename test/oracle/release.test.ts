/** What a release copies, compared with a naive model of its rules on random worlds. */
import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const RUNS = 30

const CONFIG = `
auth: off
resources:
  Dataset:
    versioned: true
    columns: { name: string(50)! }
    relations:
      samples: { many: Sample }
      files: { many: File }
      tags: { many: Tag, through: dataset_tag }
      cover: { one: File }
  Sample:
    columns: { name: string(50)! }
    relations:
      dataset: { one: Dataset }
      files: { many: File }
      runs: { many: Run }
      tags: { many: Tag, through: sample_tag }
      friends: { many: File, through: sample_friend }
  File:
    columns: { name: string(50)! }
    relations:
      dataset: { one: Dataset }
      sample: { one: Sample }
      previous: { one: File }
      pages: { many: Page }
  Page:
    columns: { name: string(50)! }
    relations: { file: { one: File, required: true } }
  Run:
    versioned: true
    columns: { name: string(50)! }
    relations: { sample: { one: Sample } }
  Tag:
    columns: { name: { type: string(50), primary: true } }
`

/** A row of the naive model; references are rows too, so that copies can be told from originals. */
interface Node {
  readonly kind: 'dataset' | 'sample' | 'file' | 'page' | 'run'
  readonly name: string
  readonly copy: boolean
  refs: Record<string, Node | null>
  links: Record<string, (Node | string)[]>
}

const index = fc.option(fc.nat({ max: 3 }), { nil: null })
const world = fc.record({
  samples: fc.array(fc.record({ mine: fc.boolean(), tags: fc.subarray(['x', 'y']) }), { maxLength: 3 }),
  files: fc.array(
    fc.record({
      owner: fc.constantFrom('mine', 'other', 'none'),
      sample: index,
      previous: index,
      pages: fc.nat({ max: 2 }),
    }),
    { maxLength: 4 },
  ),
  runs: fc.array(fc.array(index, { minLength: 1, maxLength: 3 }), { maxLength: 2 }),
  friends: fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })), { maxLength: 3 }),
  cover: index,
  tags: fc.subarray(['x', 'y', 'z']),
})
type World = Parameters<typeof world.filter>[0] extends (value: infer R) => unknown ? R : never

const at = <T>(list: readonly T[], position: number | null): T | null =>
  position === null ? null : (list[position] ?? null)

/** The world before the release, in the naive model. */
function original(drawn: World, prefix: string) {
  const make = (kind: Node['kind'], name: string, refs: Node['refs'] = {}): Node => ({
    kind,
    name: `${prefix}${name}`,
    copy: false,
    refs,
    links: {},
  })
  const mine = make('dataset', 'mine', { cover: null })
  const other = make('dataset', 'other', { cover: null })
  const samples = drawn.samples.map((each, n) =>
    make('sample', `s${n}`, { dataset: each.mine ? mine : other }),
  )
  const files = drawn.files.map((each, n) => {
    const dataset = each.owner === 'mine' ? mine : each.owner === 'other' ? other : null
    return make('file', `f${n}`, { dataset, sample: at(samples, each.sample), previous: null })
  })
  files.forEach((file, n) => {
    file.refs['previous'] = at(files, drawn.files[n]?.previous ?? null)
  })
  const pages = files.flatMap((file, n) =>
    Array.from({ length: drawn.files[n]?.pages ?? 0 }, (_, page) => make('page', `f${n}p${page}`, { file })),
  )
  const runs = drawn.runs.flatMap((versions, n) =>
    versions.map((sample, version) => make('run', `r${n}v${version + 1}`, { sample: at(samples, sample) })),
  )
  samples.forEach((sample, n) => {
    sample.links['tags'] = [...(drawn.samples[n]?.tags ?? [])]
    sample.links['friends'] = files.filter((_, file) => drawn.friends.some(([s, f]) => s === n && f === file))
  })
  mine.links['tags'] = [...drawn.tags]
  other.links['tags'] = []
  mine.refs['cover'] = at(files, drawn.cover)
  return { mine, other, samples, files, pages, runs }
}

/** Relations that carry children: child kind → reference to its parent. */
const OWNED: Readonly<Record<string, readonly string[]>> = {
  sample: ['dataset'],
  file: ['dataset', 'sample'],
  page: ['file'],
  run: ['sample'],
}

/** The copies that a release of `root` makes, by the rules of the specification read literally. */
function release(root: Node, all: readonly Node[]): readonly Node[] {
  const copied = new Set([root])
  for (let grown = true; grown; ) {
    grown = false
    for (const node of all) {
      const below = (OWNED[node.kind] ?? []).some((name) => {
        const parent = node.refs[name]
        return parent != null && copied.has(parent)
      })
      if (below && !copied.has(node)) {
        copied.add(node)
        grown = true
      }
    }
  }
  const copies = new Map([...copied].map((node): [Node, Node] => [node, { ...node, copy: true }]))
  const moved = <T extends Node | string | null>(node: T) =>
    (typeof node === 'object' && node !== null ? (copies.get(node) ?? node) : node) as T
  for (const copy of copies.values()) {
    copy.refs = Object.fromEntries(Object.entries(copy.refs).map(([name, node]) => [name, moved(node)]))
    copy.links = Object.fromEntries(Object.entries(copy.links).map(([name, list]) => [name, list.map(moved)]))
  }
  return [...copies.values()]
}

const label = (node: Node | string | null): string =>
  node === null ? '-' : typeof node === 'string' ? node : `${node.name}${node.copy ? "'" : ''}`

const line = (node: Node): string =>
  [
    `${node.kind} ${label(node)}`,
    ...Object.entries(node.refs)
      .sort()
      .map(([name, target]) => `${name}=${label(target)}`),
    ...Object.entries(node.links)
      .sort()
      .map(([name, list]) => `${name}=[${list.map(label).sort().join(' ')}]`),
  ].join(' ')

type Row = Record<string, unknown> & { id: number; version?: number; name: string }

const PATHS: Readonly<Record<Node['kind'], string>> = {
  dataset: '/datasets?fields=id,version,name,cover.id,cover.name,tags.name',
  sample: '/samples?fields=id,name,dataset.version,dataset.name,tags.name,friends.id,friends.name',
  file: '/files?fields=id,name,dataset.version,dataset.name,sample.id,sample.name,previous.id,previous.name',
  page: '/pages?fields=id,name,file.id,file.name',
  run: '/runs?fields=id,version,is_latest,name,sample.id,sample.name',
}

async function stored(api: Api, prefix: string, known: ReadonlySet<string>): Promise<readonly string[]> {
  const lines: string[] = []
  const mark = (kind: string, row: Row | null | undefined): string => {
    if (row == null) return '-'
    const copy = kind === 'dataset' ? row.version === 2 : !known.has(`${kind} ${row.id}`)
    return `${row.name}${copy ? "'" : ''}`
  }
  for (const [kind, path] of Object.entries(PATHS)) {
    const { status, body } = await api.get(`${path}&name=${prefix}*&end=500`)
    if (status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`)
    for (const row of body as Row[]) {
      const refs = Object.entries(row)
        .filter(([, value]) => value === null || (typeof value === 'object' && !Array.isArray(value)))
        .map(
          ([name, value]) =>
            `${name}=${mark(name === 'cover' || name === 'previous' ? 'file' : name, value as Row)}`,
        )
      const links = Object.entries(row)
        .filter(([, value]) => Array.isArray(value))
        .map(([name, value]) => {
          const list = (value as Row[]).map((each) => (name === 'tags' ? each.name : mark('file', each)))
          return `${name}=[${list.sort().join(' ')}]`
        })
      lines.push([`${kind} ${mark(kind, row)}`, ...refs.sort(), ...links.sort()].join(' '))
    }
  }
  return lines.sort()
}

/** Makes the world through the API; keys of what there is before the release. */
async function build(
  api: Api,
  made: ReturnType<typeof original>,
  drawn: World,
): Promise<ReadonlySet<string>> {
  const ids = new Map<Node, Row>()
  const post = async (path: string, body: object): Promise<Row> => {
    const answer = await api.post(path, body)
    if (answer.status !== 201)
      throw new Error(`${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`)
    return answer.body as Row
  }
  const id = (node: Node | null | undefined) => (node == null ? null : (ids.get(node)?.id ?? null))
  const tagged = (node: Node) => (node.links['tags'] ?? []).map((name) => ({ name }))
  for (const node of [made.mine, made.other])
    ids.set(node, await post('/datasets', { name: node.name, tags: tagged(node) }))
  const owner = (node: Node) => {
    const dataset = node.refs['dataset']
    return dataset == null ? {} : { dataset_id: id(dataset), dataset_version: 1 }
  }
  for (const node of made.samples)
    ids.set(node, await post('/samples', { name: node.name, ...owner(node), tags: tagged(node) }))
  for (const node of made.files) {
    ids.set(
      node,
      await post('/files', { name: node.name, ...owner(node), sample_id: id(node.refs['sample']) }),
    )
  }
  for (const node of made.files) {
    if (node.refs['previous'] != null)
      await api.put(`/files/${id(node)}`, { previous_id: id(node.refs['previous']) })
  }
  for (const node of made.pages)
    ids.set(node, await post('/pages', { name: node.name, file_id: id(node.refs['file']) }))
  let position = 0
  for (const versions of drawn.runs) {
    let last: Row | undefined
    for (const _ of versions) {
      const node = made.runs[position++]
      if (node === undefined) continue
      const body = { name: node.name, sample_id: id(node.refs['sample']) }
      last = await post(last === undefined ? '/runs' : `/runs/${last.id}_${last.version}/release`, body)
      ids.set(node, last)
    }
  }
  for (const node of made.samples) {
    const friends = (node.links['friends'] ?? []).map((file) => ({ id: id(file as Node) }))
    if (friends.length > 0) await post(`/samples/${id(node)}/friends`, friends)
  }
  if (made.mine.refs['cover'] != null) {
    await api.put(`/datasets/${id(made.mine)}_1`, { cover_id: id(made.mine.refs['cover']) })
  }
  const answer = await api.get(`/datasets/${id(made.mine)}_1`)
  if (answer.status !== 200) throw new Error('the world was not made')
  return new Set([...ids].map(([node, row]) => `${node.kind} ${row.id}`))
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a release copies what the rules say and leaves everything else alone`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    await api.post(
      '/tags',
      ['x', 'y', 'z'].map((name) => ({ name })),
    )
    let round = 0
    await fc.assert(
      fc.asyncProperty(world, async (drawn) => {
        const prefix = `w${round++}-`
        const made = original(drawn, prefix)
        const all = [made.mine, made.other, ...made.samples, ...made.files, ...made.pages, ...made.runs]
        const known = await build(api, made, drawn)
        const before = all.map(line).sort()
        const found = await stored(api, prefix, known)
        if (found.join('\n') !== before.join('\n'))
          throw new Error(`made\n${found.join('\n')}\nbut meant\n${before.join('\n')}`)
        const [row] = (await api.get(`/datasets?name=${prefix}mine`)).body as Row[]
        const answer = await api.post(`/datasets/${row?.id}_1/release`)
        if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
        const expected = [...before, ...release(made.mine, all).map(line)].sort()
        const after = await stored(api, prefix, known)
        if (after.join('\n') !== expected.join('\n')) {
          throw new Error(`stored\n${after.join('\n')}\nbut expected\n${expected.join('\n')}`)
        }
        const latest = (await api.get(`/runs?name=${prefix}*&is_latest=true&end=500`)).body as Row[]
        const entities = new Set(
          ((await api.get(`/runs?name=${prefix}*&end=500`)).body as Row[]).map((run) => run.id),
        )
        if (latest.length !== entities.size) throw new Error('an entity has not exactly one latest version')
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    t.equal(round, RUNS)
  })
}
