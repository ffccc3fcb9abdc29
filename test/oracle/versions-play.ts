/** A command, played: the request that it is, and what the model answers to it. */
import type { Command, Gene } from './versions-commands.js'
import type { Obj, Row, Verdict, World } from './versions-model.js'
import { nextOf, release } from './versions-release.js'
import { at, Resolver } from './versions-resolve.js'
import type { Server } from './versions-server.js'
import { type Kind, SHAPES } from './versions-world.js'

export interface Play {
  readonly method: string
  path(server: Server): string
  body?(server: Server): unknown
  /** What must be answered; changes the model. */
  answer(): Verdict
  /** Released by it. */
  readonly released?: Row
}

/** Null: there is nothing that the command could be about. */
export function play(world: World, command: Command): Play | null {
  if (command.do === 'create') return create(world, command.kind, command.objects, command.many)
  const rows = world.of(command.kind)
  const latest = command.do === 'release' && command.latest
  const row = at(
    rows.filter((each) => !latest || world.isLatest(each)),
    command.row,
  )
  if (row === undefined) return null
  switch (command.do) {
    case 'update':
      return update(world, row, command.gene)
    case 'add':
    case 'replace':
      return collection(world, row, command)
    case 'takeOut':
      return takeOut(world, row, command.relation, command.child)
    case 'tag':
    case 'retag':
      return tag(world, row, new Resolver(world).tags(command.tags), command.do === 'retag')
    case 'untag':
      return untag(world, row, command.child)
    case 'delete':
      return {
        method: 'DELETE',
        path: (server) => server.path(row),
        answer: () => world.attempt(204, () => world.remove([row])),
      }
    case 'release':
      return releasing(world, row, command.gene, command.keyField)
    case 'missing':
      return missing(row, command.method)
  }
}

function create(world: World, kind: Kind, genes: readonly Gene[], many: boolean): Play {
  const resolver = new Resolver(world)
  const objects = (many ? genes : genes.slice(0, 1)).map((gene) => resolver.object(kind, gene, null))
  return {
    method: 'POST',
    path: () => SHAPES[kind].path,
    body: (server) => (many ? objects.map((object) => server.body(object)) : server.body(objects[0] as Obj)),
    answer: () => written(world, 201, objects, null),
  }
}

function written(
  world: World,
  done: Verdict,
  objects: readonly Obj[],
  above: { via: string; row: Row } | null,
) {
  const refused = world.judge(objects, above)
  if (refused !== null) return refused
  return world.attempt(done, () => {
    for (const object of objects) world.write(object, above)
    return null
  })
}

function update(world: World, row: Row, gene: Gene): Play {
  const content = new Resolver(world, [row]).content(row.kind, gene, null, row, undefined)
  const object: Obj = { kind: row.kind, row, is: 'stored', at: null, ...content }
  const { id: _, version: __, ...none } = {} as Record<string, unknown>
  return {
    method: 'PUT',
    path: (server) => server.path(row),
    body: (server) => ({ ...none, ...withoutKey(server.body(object)) }),
    answer: () => (isEmpty(object) ? 400 : written(world, 200, [object], null)),
  }
}

const withoutKey = ({ id: _, version: __, ...rest }: Record<string, unknown>) => rest

const isEmpty = ({ name, note, ones, manys, tags }: Obj): boolean =>
  name === undefined && note === undefined && ones.length + manys.length === 0 && tags === undefined

function collection(
  world: World,
  row: Row,
  command: Extract<Command, { readonly do: 'add' | 'replace' }>,
): Play | null {
  const { manys } = SHAPES[row.kind]
  const name = at(Object.keys(manys), command.relation) ?? ''
  const many = manys[name]
  if (many === undefined) return null
  const replaces = command.do === 'replace'
  const resolver = new Resolver(world, [row])
  const objects = command.objects.map((gene) => resolver.object(many.target, gene, many.via))
  return {
    method: replaces ? 'PUT' : 'POST',
    path: (server) => `${server.path(row)}/${name}`,
    body: (server) => objects.map((object) => server.body(object)),
    answer: () => {
      const above = { via: many.via, row }
      const refused = world.judge(objects, above)
      if (refused !== null) return refused
      return world.attempt(replaces ? 200 : 201, () => {
        const members = world.of(many.target).filter((child) => child.refs[many.via] === row)
        const gone = members.filter((child) => !objects.some((object) => object.row === child))
        const doomed = new Set(replaces ? gone : [])
        const held = world.remove([], doomed)
        for (const object of objects) world.write(object, above)
        // What goes first cannot be named by what comes.
        return world.isWhole() && ![...doomed].some((row) => world.rows.has(row)) ? held : 409
      })
    },
  }
}

function takeOut(world: World, row: Row, relation: number, position: number): Play | null {
  const { manys } = SHAPES[row.kind]
  const name = at(Object.keys(manys), relation) ?? ''
  const many = manys[name]
  const child = many === undefined ? undefined : at(world.of(many.target), position)
  if (many === undefined || child === undefined) return null
  return {
    method: 'DELETE',
    path: (server) => `${server.path(row)}/${name}/${server.path(child).split('/').at(-1)}`,
    answer: () => (child.refs[many.via] !== row ? 404 : world.attempt(204, () => world.remove([child]))),
  }
}

function tag(world: World, row: Row, tags: readonly Obj[], replaces: boolean): Play {
  return {
    method: replaces ? 'PUT' : 'POST',
    path: (server) => `${server.path(row)}/tags`,
    body: (server) => tags.map((each) => server.body(each)),
    answer: () =>
      world.attempt(replaces ? 200 : 201, () => {
        if (replaces) row.links = new Set()
        for (const each of tags) {
          world.write(each, null)
          row.links.add(each.row)
        }
        return null
      }),
  }
}

function untag(world: World, row: Row, position: number): Play | null {
  const child = at(world.of('Tag'), position)
  if (child === undefined) return null
  return {
    method: 'DELETE',
    path: (server) => `${server.path(row)}/tags/${child.name}`,
    answer: () => {
      if (!row.links.has(child)) return 404
      row.links.delete(child)
      return 204
    },
  }
}

function releasing(world: World, row: Row, gene: Gene, keyField: 'id' | 'version' | null): Play {
  const next = nextOf(row)
  const content = new Resolver(world, [row], belowOf(world, row)).content(
    row.kind,
    gene,
    null,
    row,
    undefined,
  )
  const body: Obj = { kind: row.kind, row: next, is: 'released', at: null, ...content }
  return {
    method: 'POST',
    path: (server) => `${server.path(row)}/release`,
    body: (server) => ({ ...server.body(body), ...(keyField === null ? {} : { [keyField]: 7 }) }),
    answer: () => release(world, { row, body, keyField: keyField !== null }),
    released: row,
  }
}

/** Everything below a row, whichever way. */
function belowOf(world: World, root: Row): ReadonlySet<Row> {
  const below = new Set([root])
  for (const parent of below) {
    for (const { target, via } of Object.values(SHAPES[parent.kind].manys)) {
      for (const child of world.of(target)) if (child.refs[via] === parent) below.add(child)
    }
  }
  return below
}

function missing(row: Row, method: string): Play | null {
  if (row.entity === null) return null
  const version = row.entity.last + 1
  const releases = method === 'release'
  return {
    method: releases ? 'POST' : method,
    path: (server) => `${server.missing(row, version)}${releases ? '/release' : ''}`,
    ...(method === 'DELETE' ? {} : { body: () => ({ note: 'a' }) }),
    answer: () => 404,
  }
}
