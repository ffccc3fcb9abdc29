/** Requests with what the naive model says must be answered, and what they change in it. */
import { judge, lacks, listsPass, mayRead, passesAt, readable, type Verb } from './naive.js'
import {
  GROUPS,
  PATHS,
  pick,
  type Random,
  RESOURCES,
  type ResourceName,
  some,
  type Who,
  type World,
  type WorldRow,
} from './world.js'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: answers of many routes
  readonly body: any
}

export interface Operation {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  /** Decisions that the answer holds. */
  readonly weight: number
  readonly status: number
  /** What the answer must hold; undefined when there is nothing to compare. */
  readonly expected?: unknown
  view?(answer: Answer): unknown
  /** Carries the change over to the naive world. */
  apply?(answer: Answer): void
}

type Maker = (random: Random, world: World, who: Who, next: () => number) => Operation

const keyOf = (world: World, resource: ResourceName, id: number | string): string =>
  resource === 'Dataset' && world.config.versioned ? `${id}_1` : String(id)

const keyBody = (world: World, resource: ResourceName, id: number | string): Record<string, unknown> =>
  resource === 'Tag'
    ? { name: id }
    : { id, ...(resource === 'Dataset' && world.config.versioned ? { version: 1 } : {}) }

/** The foreign key to a dataset or project, as columns. */
const link = (world: World, to: 'Project' | 'Dataset', id: number | null): Record<string, unknown> =>
  to === 'Project'
    ? { project_id: id }
    : { dataset_id: id, ...(world.config.versioned ? { dataset_version: id === null ? null : 1 } : {}) }

/** The first of the static rules that refuses. */
function refused(
  world: World,
  who: Who,
  ...rules: readonly (readonly [ResourceName, Verb])[]
): number | null {
  for (const [resource, verb] of rules) {
    const verdict = judge(world, resource, verb, who)
    if (verdict !== 'pass') return verdict
  }
  return null
}

const ids = (rows: readonly WorldRow[]): (number | string)[] => rows.map(({ id }) => id)
const children = (rows: readonly WorldRow[], parent: number | string): WorldRow[] =>
  rows.filter((row) => row.parent === parent)

const idName = (resource: ResourceName): string => (resource === 'Tag' ? 'name' : 'id')

const list: Maker = (random, world, who) => {
  const resource = pick(random, RESOURCES)
  const status = refused(world, who, [resource, 'read']) ?? 200
  const rows = status === 200 ? readable(world, resource, who) : []
  const field = idName(resource)
  return {
    method: 'GET',
    path: `/${PATHS[resource]}?fields=${field}&count=true&end=100`,
    weight: world.rows[resource].size,
    status,
    ...(status === 200
      ? {
          expected: { ids: ids(rows).sort(), count: String(rows.length) },
          view: ({ body, headers }) => ({
            ids: body.map((row: Record<string, unknown>) => row[field]).sort(),
            count: headers['x-total-count'],
          }),
        }
      : {}),
  }
}

const embedded: Maker = (_, world, who) => {
  const rules = RESOURCES.map((name) => [name, 'read'] as const)
  const status = refused(world, who, ...rules) ?? 200
  const expected = () => {
    const files = readable(world, 'File', who)
    return readable(world, 'Dataset', who).map((dataset) => ({
      id: dataset.id,
      project: readable(world, 'Project', who).find(({ id }) => id === dataset.parent)?.id ?? null,
      files: ids(children(files, dataset.id)),
      tags: readable(world, 'Tag', who)
        .filter(({ id }) => world.links.has(`${dataset.id}:${id}`))
        .map(({ id }) => id),
    }))
  }
  return {
    method: 'GET',
    path: '/datasets?fields=id,project.id,files.id,tags.name&end=100',
    weight: world.rows.Dataset.size + world.rows.File.size,
    status,
    ...(status === 200
      ? {
          expected: expected(),
          view: ({ body }) =>
            // biome-ignore lint/suspicious/noExplicitAny: rows of an answer
            body.map((row: any) => ({
              id: row.id,
              project: row.project?.id ?? null,
              files: row.files.map(({ id }: WorldRow) => id),
              tags: row.tags.map(({ name }: { name: string }) => name),
            })),
        }
      : {}),
  }
}

/** The default shape leaves out what may not be read, without a word. */
const single: Maker = (random, world, who) => {
  const resource = pick(random, ['Project', 'Dataset', 'File'] as const)
  const id = 1 + Math.floor(random() * 20)
  const row = world.rows[resource].get(id)
  const status =
    refused(world, who, [resource, 'read']) ??
    (row !== undefined && mayRead(world, resource, row, who) ? 200 : 404)
  const shown = (relation: string, target: ResourceName) =>
    judge(world, target, 'read', who) === 'pass' ? [relation] : []
  const relations = {
    Project: () => shown('datasets', 'Dataset'),
    Dataset: () => [...shown('files', 'File'), ...shown('project', 'Project'), ...shown('tags', 'Tag')],
    File: () => shown('dataset', 'Dataset'),
  }
  return {
    method: 'GET',
    path: `/${PATHS[resource]}/${keyOf(world, resource, id)}`,
    weight: 1,
    status,
    ...(status === 200
      ? {
          expected: relations[resource](),
          view: ({ body }) =>
            ['dataset', 'datasets', 'files', 'project', 'tags'].filter((name) => Object.hasOwn(body, name)),
        }
      : {}),
  }
}

const filtered: Maker = (random, world, who) => {
  const note = `n${Math.floor(random() * 4)}`
  const status = refused(world, who, ['Project', 'read'], ['Dataset', 'read'], ['File', 'read']) ?? 200
  const files = status === 200 ? readable(world, 'File', who).filter(({ text }) => text === note) : []
  const datasets =
    status === 200 ? readable(world, 'Dataset', who).filter(({ id }) => children(files, id).length > 0) : []
  const rows =
    status === 200
      ? readable(world, 'Project', who).filter(({ id }) => children(datasets, id).length > 0)
      : []
  return {
    method: 'GET',
    path: `/projects?fields=id&datasets.files.note=${note}`,
    weight: world.rows.Project.size,
    status,
    ...(status === 200
      ? { expected: ids(rows), view: ({ body }) => body.map((row: { id: number }) => row.id) }
      : {}),
  }
}

const extreme: Maker = (random, world, who) => {
  const resource = pick(random, ['Project', 'Dataset', 'File'] as const)
  const status = refused(world, who, [resource, 'read']) ?? 200
  const known = status === 200 ? ids(readable(world, resource, who)).map(Number) : []
  return {
    method: 'GET',
    path: `/${PATHS[resource]}?fields=id&id.max()`,
    weight: 1,
    status,
    ...(status === 200
      ? {
          expected: known.length === 0 ? [] : [Math.max(...known)],
          view: ({ body }) => body.map((row: { id: number }) => row.id),
        }
      : {}),
  }
}

/** An unreadable project sorts like none: last. */
const sorted: Maker = (_, world, who) => {
  const status = refused(world, who, ['Dataset', 'read'], ['Project', 'read']) ?? 200
  const expected = () => {
    const projects = readable(world, 'Project', who)
    const name = ({ parent }: WorldRow): string => projects.find(({ id }) => id === parent)?.text ?? '~'
    return ids(
      readable(world, 'Dataset', who).sort((a, b) =>
        name(a) === name(b) ? Number(a.id) - Number(b.id) : name(a) < name(b) ? -1 : 1,
      ),
    )
  }
  return {
    method: 'GET',
    path: '/datasets?fields=id&sort=project.name&end=100',
    weight: world.rows.Dataset.size,
    status,
    ...(status === 200
      ? { expected: expected(), view: ({ body }) => body.map((row: { id: number }) => row.id) }
      : {}),
  }
}

const collection: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * 9)
  const row = world.rows.Dataset.get(id)
  const status =
    refused(world, who, ['Dataset', 'read'], ['File', 'read']) ??
    (row !== undefined && mayRead(world, 'Dataset', row, who) ? 200 : 404)
  return {
    method: 'GET',
    path: `/datasets/${keyOf(world, 'Dataset', id)}/files?fields=id&count=true`,
    weight: 3,
    status,
    ...(status === 200
      ? {
          expected: ids(children(readable(world, 'File', who), id)),
          view: ({ body }) => body.map((each: { id: number }) => each.id),
        }
      : {}),
  }
}

const toOne: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * 20)
  const file = world.rows.File.get(id)
  const dataset = file === undefined || file.parent === null ? undefined : world.rows.Dataset.get(file.parent)
  const there = file !== undefined && dataset !== undefined
  const status =
    refused(world, who, ['File', 'read'], ['Dataset', 'read']) ??
    (there && mayRead(world, 'File', file, who) && mayRead(world, 'Dataset', dataset, who) ? 200 : 404)
  return { method: 'GET', path: `/files/${id}/dataset?fields=id`, weight: 1, status }
}

/** Status of a change of a stored row; `after`: what else must hold. */
function changing(
  world: World,
  who: Who,
  resource: ResourceName,
  row: WorldRow | undefined,
  verb: 'update' | 'delete',
): number | null {
  const ruled = refused(world, who, [resource, 'read'], [resource, verb])
  if (ruled !== null) return ruled
  if (row === undefined || !listsPass(world, resource, row, 'read', who)) return 404
  return listsPass(world, resource, row, verb, who) ? null : lacks(who)
}

const update: Maker = (random, world, who, next) => {
  const resource = pick(random, ['Project', 'Dataset', 'File'] as const)
  const id = 1 + Math.floor(random() * 20)
  const row = world.rows[resource].get(id)
  const text = resource === 'Project' ? `p${next()}` : `w${next()}`
  return {
    method: 'PUT',
    path: `/${PATHS[resource]}/${keyOf(world, resource, id)}`,
    body: resource === 'File' ? { note: text } : { name: text },
    weight: 1,
    status: changing(world, who, resource, row, 'update') ?? 200,
    apply: () => {
      if (row !== undefined) row.text = text
    },
  }
}

const move: Maker = (random, world, who) => {
  const [resource, target] = pick(random, [
    ['Dataset', 'Project'],
    ['File', 'Dataset'],
  ] as const)
  const id = 1 + Math.floor(random() * world.rows[resource].size)
  const row = world.rows[resource].get(id)
  const to = random() < 0.15 ? null : 1 + Math.floor(random() * (world.rows[target].size + 1))
  const there = to === null ? undefined : world.rows[target].get(to)
  const judgeMove = (): number => {
    const ruled = refused(world, who, [resource, 'read'], [resource, 'update'])
    if (ruled !== null) return ruled
    if (row === undefined || !listsPass(world, resource, row, 'read', who)) return 404
    const moves = to !== row.parent
    if (!moves) return 200
    const referred = to === null ? null : refused(world, who, [target, 'read'])
    if (referred !== null) return referred
    if (!listsPass(world, resource, row, 'update', who)) return lacks(who)
    if (to !== null && (there === undefined || !listsPass(world, target, there, 'read', who))) return 409
    return passesAt(world, resource, row, to, 'update', who) ? 200 : lacks(who)
  }
  return {
    method: 'PUT',
    path: `/${PATHS[resource]}/${keyOf(world, resource, id)}`,
    body: link(world, target, to),
    weight: 1,
    status: judgeMove(),
    apply: () => {
      if (row !== undefined) row.parent = to
    },
    expected: 'shown as after the move',
    view: ({ body }) => {
      if (row === undefined) return 'no row'
      const shown = Object.hasOwn(body, resource === 'File' ? 'note' : 'name')
      return shown === mayRead(world, resource, row, who) ? 'shown as after the move' : `shown: ${shown}`
    },
  }
}

const create: Maker = (random, world, who, next) => {
  const parent = random() < 0.2 ? null : 1 + Math.floor(random() * 9)
  const dataset = parent === null ? undefined : world.rows.Dataset.get(parent)
  const row: WorldRow = { id: -1, parent: null, text: `w${next()}`, lists: {} }
  const nested = parent !== null && random() < 0.5
  const judgeCreate = (): number => {
    const ruled = refused(
      world,
      who,
      ['File', 'create'],
      ...(parent === null ? [] : [['Dataset', 'read'] as const]),
    )
    if (ruled !== null) return ruled
    if (parent !== null && (dataset === undefined || !listsPass(world, 'Dataset', dataset, 'read', who)))
      return 409
    return passesAt(world, 'File', row, parent, 'create', who) ? 201 : lacks(who)
  }
  return {
    method: 'POST',
    path: '/files',
    body: {
      note: row.text,
      ...(nested ? { dataset: keyBody(world, 'Dataset', parent ?? 0) } : link(world, 'Dataset', parent)),
    },
    weight: 1,
    status: judgeCreate(),
    apply: ({ body }) => {
      world.rows.File.set(body.id, { ...row, id: body.id, parent })
    },
  }
}

const remove: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * (world.rows.File.size + 2))
  const row = world.rows.File.get(id)
  return {
    method: 'DELETE',
    path: `/files/${id}`,
    weight: 1,
    status: changing(world, who, 'File', row, 'delete') ?? 204,
    apply: () => {
      world.rows.File.delete(id)
    },
  }
}

const linkTag: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * 8)
  const tag = pick(random, ['t1', 't2', 't3'])
  const row = world.rows.Dataset.get(id)
  const judgeLink = (): number => {
    const ruled = refused(world, who, ['Dataset', 'read'], ['Tag', 'create'])
    if (ruled !== null) return ruled
    if (row === undefined || !listsPass(world, 'Dataset', row, 'read', who)) return 404
    const tagRead = refused(world, who, ['Tag', 'read'])
    if (tagRead !== null) return tagRead
    if (world.links.has(`${id}:${tag}`)) return 201
    return (
      refused(world, who, ['Dataset', 'update']) ??
      (listsPass(world, 'Dataset', row, 'update', who) ? 201 : lacks(who))
    )
  }
  return {
    method: 'POST',
    path: `/datasets/${keyOf(world, 'Dataset', id)}/tags`,
    body: [{ name: tag }],
    weight: 1,
    status: judgeLink(),
    apply: () => {
      world.links.add(`${id}:${tag}`)
    },
  }
}

const unlinkTag: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * 8)
  const tag = pick(random, ['t1', 't2', 't3'])
  const row = world.rows.Dataset.get(id)
  const judgeUnlink = (): number => {
    const ruled = refused(world, who, ['Dataset', 'read'], ['Tag', 'read'], ['Dataset', 'update'])
    if (ruled !== null) return ruled
    if (row === undefined || !listsPass(world, 'Dataset', row, 'read', who)) return 404
    if (!world.links.has(`${id}:${tag}`)) return 404
    return listsPass(world, 'Dataset', row, 'update', who) ? 204 : lacks(who)
  }
  return {
    method: 'DELETE',
    path: `/datasets/${keyOf(world, 'Dataset', id)}/tags/${tag}`,
    weight: 1,
    status: judgeUnlink(),
    apply: () => {
      world.links.delete(`${id}:${tag}`)
    },
  }
}

const changeList: Maker = (random, world, who) => {
  const carriers = (['Project', 'Dataset', 'File'] as const).filter(
    (name) => world.config.permissions[name].length > 0,
  )
  if (carriers.length === 0) return list(random, world, who, () => 0)
  const resource = pick(random, carriers)
  const permission = pick(random, world.config.permissions[resource])
  const verb = pick(random, permission.verbs)
  const id = 1 + Math.floor(random() * world.rows[resource].size)
  const row = world.rows[resource].get(id)
  const cleared = random() < 0.25
  const groups = some(random, GROUPS, 0.25)
  return {
    method: 'PUT',
    path: `/${PATHS[resource]}/${keyOf(world, resource, id)}`,
    body: {
      [`perm_${permission.key.replaceAll('.', '_')}`]: {
        [verb]: cleared ? null : { groups: groups.map((path) => ({ path })) },
      },
    },
    weight: 1,
    status: changing(world, who, resource, row, 'update') ?? 200,
    apply: () => {
      if (row === undefined) return
      const field = row.lists[permission.key] ?? {}
      row.lists[permission.key] = field
      field[verb] = cleared ? [] : groups
    },
  }
}

/** `PUT` with nothing but children needs nothing but `read` on the parent. */
const childOnly: Maker = (random, world, who, next) => {
  const id = 1 + Math.floor(random() * 8)
  const row = world.rows.Dataset.get(id)
  const file: WorldRow = { id: -1, parent: null, text: `w${next()}`, lists: {} }
  const judgeChild = (): number => {
    const ruled = refused(world, who, ['Dataset', 'read'])
    if (ruled !== null) return ruled
    if (row === undefined || !listsPass(world, 'Dataset', row, 'read', who)) return 404
    return (
      refused(world, who, ['File', 'create']) ??
      (passesAt(world, 'File', file, id, 'create', who) ? 200 : lacks(who))
    )
  }
  return {
    method: 'PUT',
    path: `/datasets/${keyOf(world, 'Dataset', id)}`,
    body: { files: [{ id: 1000 + next(), note: file.text }] },
    weight: 1,
    status: judgeChild(),
    apply() {
      const [{ id: made }] = (this.body as { files: [{ id: number }] }).files
      world.rows.File.set(made, { ...file, id: made, parent: id })
    },
  }
}

/** `POST` of a whole object for a row that exists is an update, if it exists for the caller. */
const postExisting: Maker = (random, world, who, next) => {
  const id = 1 + Math.floor(random() * 18)
  const row = world.rows.File.get(id)
  const text = `w${next()}`
  const judgePost = (): number => {
    if (row === undefined) return refused(world, who, ['File', 'create']) ?? 201
    const ruled = refused(world, who, ['File', 'read'], ['File', 'update'])
    if (ruled !== null) return ruled
    if (!listsPass(world, 'File', row, 'read', who)) return 409
    return listsPass(world, 'File', row, 'update', who) ? 201 : lacks(who)
  }
  return {
    method: 'POST',
    path: '/files',
    body: { id, note: text },
    weight: 1,
    status: judgePost(),
    apply: () => {
      if (row === undefined) world.rows.File.set(id, { id, parent: null, text, lists: {} })
      else row.text = text
    },
  }
}

/** What the caller cannot see stays; what they see and leave out is deleted, if they may. */
const replaceFiles: Maker = (random, world, who) => {
  const id = 1 + Math.floor(random() * 8)
  const row = world.rows.Dataset.get(id)
  const seen = judge(world, 'File', 'read', who) === 'pass' ? readable(world, 'File', who) : []
  const mine = children(seen, id)
  const kept = some(random, mine, 0.7)
  const gone = mine.filter((file) => !kept.includes(file))
  const judgeReplace = (): number => {
    const ruled = refused(world, who, ['Dataset', 'read'], ['File', 'read'])
    if (ruled !== null) return ruled
    if (row === undefined || !listsPass(world, 'Dataset', row, 'read', who)) return 404
    if (gone.length === 0) return 200
    return (
      refused(world, who, ['File', 'delete']) ??
      (gone.every((file) => listsPass(world, 'File', file, 'delete', who)) ? 200 : lacks(who))
    )
  }
  return {
    method: 'PUT',
    path: `/datasets/${keyOf(world, 'Dataset', id)}/files`,
    body: kept.map((file) => ({ id: file.id })),
    weight: 1 + mine.length,
    status: judgeReplace(),
    apply: () => {
      for (const file of gone) world.rows.File.delete(file.id)
    },
  }
}

/** A tree whose parents, with their lists, are made in the same request. */
const tree: Maker = (random, world, who, next) => {
  const { permissions } = world.config
  const listsOf = (carrier: 'Project' | 'Dataset') =>
    Object.fromEntries(
      permissions[carrier]
        .filter(({ verbs }) => verbs.includes('write'))
        .map(({ key }) => [key, { write: some(random, GROUPS, 0.2) }]),
    )
  const base = 10_000 + 10 * next()
  const project: WorldRow = { id: base, parent: null, text: `p${base}`, lists: listsOf('Project') }
  const dataset: WorldRow = { id: base + 1, parent: base, text: `d${base}`, lists: listsOf('Dataset') }
  const file: WorldRow = { id: base + 2, parent: base + 1, text: `n${base}`, lists: {} }
  const judgeTree = (): number => {
    const ruled = refused(world, who, ['Project', 'create'], ['Dataset', 'create'], ['File', 'create'])
    if (ruled !== null) return ruled
    world.rows.Project.set(project.id, project)
    world.rows.Dataset.set(dataset.id, dataset)
    const passes =
      listsPass(world, 'Dataset', dataset, 'create', who) &&
      passesAt(world, 'File', file, base + 1, 'create', who)
    world.rows.Project.delete(project.id)
    world.rows.Dataset.delete(dataset.id)
    return passes ? 201 : lacks(who)
  }
  return {
    method: 'POST',
    path: '/projects',
    body: {
      id: project.id,
      name: project.text,
      ...fields(project),
      datasets: [
        {
          ...keyBody(world, 'Dataset', dataset.id),
          name: dataset.text,
          ...fields(dataset),
          files: [{ id: file.id, note: file.text }],
        },
      ],
    },
    weight: 3,
    status: judgeTree(),
    apply: () => {
      world.rows.Project.set(project.id, project)
      world.rows.Dataset.set(dataset.id, dataset)
      world.rows.File.set(file.id, file)
    },
  }
}

/** Lists as a body has them. */
export function fields(row: WorldRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row.lists).map(([key, verbs]) => [
      `perm_${key.replaceAll('.', '_')}`,
      Object.fromEntries(
        Object.entries(verbs).map(([verb, paths]) => [verb, { groups: paths.map((path) => ({ path })) }]),
      ),
    ]),
  )
}

export const READS: readonly Maker[] = [
  list,
  list,
  embedded,
  single,
  filtered,
  extreme,
  sorted,
  collection,
  toOne,
]

export const WRITES: readonly Maker[] = [
  update,
  move,
  create,
  remove,
  linkTag,
  unlinkTag,
  changeList,
  childOnly,
  postExisting,
  replaceFiles,
  tree,
]

/** A world's rows as bodies of requests that an administrator sends, parents first. */
export function seedBodies(world: World): readonly (readonly [path: string, body: unknown])[] {
  const { rows } = world
  const datasets = [...rows.Dataset.values()].map((row) => ({
    ...keyBody(world, 'Dataset', row.id),
    name: row.text,
    ...link(world, 'Project', row.parent),
    ...fields(row),
    tags: [...rows.Tag.keys()].filter((tag) => world.links.has(`${row.id}:${tag}`)).map((name) => ({ name })),
  }))
  return [
    ['/tags', [...rows.Tag.keys()].map((name) => ({ name }))],
    ['/projects', [...rows.Project.values()].map((row) => ({ id: row.id, name: row.text, ...fields(row) }))],
    ['/datasets', datasets],
    [
      '/files',
      [...rows.File.values()].map((row) => ({
        id: row.id,
        note: row.text,
        ...link(world, 'Dataset', row.parent),
        ...fields(row),
      })),
    ],
  ]
}
