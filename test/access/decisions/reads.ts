/** Operations that read. */
import { judge, mayRead, readable } from './naive.js'
import { children, idName, ids, keyOf, type Maker, refused } from './operations.js'
import { DATASETS, FILES, PATHS, pick, RESOURCES, type ResourceName, type WorldRow } from './world.js'

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
  const id = 1 + Math.floor(random() * (world.rows[resource].size + 2))
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
  const id = 1 + Math.floor(random() * (DATASETS + 1))
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
  const id = 1 + Math.floor(random() * (FILES + 2))
  const file = world.rows.File.get(id)
  const dataset = file === undefined || file.parent === null ? undefined : world.rows.Dataset.get(file.parent)
  const there = file !== undefined && dataset !== undefined
  const status =
    refused(world, who, ['File', 'read'], ['Dataset', 'read']) ??
    (there && mayRead(world, 'File', file, who) && mayRead(world, 'Dataset', dataset, who) ? 200 : 404)
  return { method: 'GET', path: `/files/${id}/dataset?fields=id`, weight: 1, status }
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
