/** Operations that write lists, children and trees. */
import { judge, lacks, listsPass, passesAt, readable } from './naive.js'
import { children, fields, keyBody, keyOf, type Maker, refused } from './operations.js'
import { DATASETS, FILES, GROUPS, PATHS, pick, some, type WorldRow } from './world.js'
import { changing, SINGLE, update } from './writes.js'

const changeList: Maker = (random, world, who, next) => {
  const carriers = (['Project', 'Dataset', 'File'] as const).filter(
    (name) => world.config.permissions[name].length > 0,
  )
  if (carriers.length === 0) return update(random, world, who, next)
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

/** A key that no row has: generated ones go on behind those that were given. */
function unused(next: () => number, ...taken: readonly ((id: number) => boolean)[]): number {
  for (;;) {
    const id = 1000 + 10 * next()
    if (!taken.some((isTaken) => isTaken(id))) return id
  }
}

/** `PUT` with nothing but children needs nothing but `read` on the parent. */
const childOnly: Maker = (random, world, who, next) => {
  const id = 1 + Math.floor(random() * DATASETS)
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
    body: { files: [{ id: unused(next, (id) => world.rows.File.has(id)), note: file.text }] },
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
  const id = 1 + Math.floor(random() * FILES)
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
  const id = 1 + Math.floor(random() * DATASETS)
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
  const { Project, Dataset, File } = world.rows
  const base = unused(next, (id) => Project.has(id) || Dataset.has(id + 1) || File.has(id + 2))
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

export const WRITES: readonly Maker[] = [...SINGLE, changeList, childOnly, postExisting, replaceFiles, tree]
