/** Operations that write one row or link. */
import { lacks, listsPass, mayRead, passesAt } from './naive.js'
import { keyBody, keyOf, link, type Maker, refused } from './operations.js'
import { DATASETS, PATHS, pick, type ResourceName, type Who, type World, type WorldRow } from './world.js'
/** Status of a change of a stored row; `after`: what else must hold. */
export function changing(
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

export const update: Maker = (random, world, who, next) => {
  const resource = pick(random, ['Project', 'Dataset', 'File'] as const)
  const id = 1 + Math.floor(random() * (world.rows[resource].size + 2))
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
  const parent = random() < 0.2 ? null : 1 + Math.floor(random() * (DATASETS + 1))
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
  const id = 1 + Math.floor(random() * DATASETS)
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
  const id = 1 + Math.floor(random() * DATASETS)
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

export const SINGLE: readonly Maker[] = [update, move, create, remove, linkTag, unlinkTag]
