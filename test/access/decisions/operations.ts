/** Requests with what the naive model says must be answered, and what they change in it. */
import { judge, type Verb } from './naive.js'
import type { Random, ResourceName, Who, World, WorldRow } from './world.js'

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

export type Maker = (random: Random, world: World, who: Who, next: () => number) => Operation

export const keyOf = (world: World, resource: ResourceName, id: number | string): string =>
  resource === 'Dataset' && world.config.versioned ? `${id}_1` : String(id)

export const keyBody = (
  world: World,
  resource: ResourceName,
  id: number | string,
): Record<string, unknown> =>
  resource === 'Tag'
    ? { name: id }
    : { id, ...(resource === 'Dataset' && world.config.versioned ? { version: 1 } : {}) }

/** The foreign key to a dataset or project, as columns. */
export const link = (world: World, to: 'Project' | 'Dataset', id: number | null): Record<string, unknown> =>
  to === 'Project'
    ? { project_id: id }
    : { dataset_id: id, ...(world.config.versioned ? { dataset_version: id === null ? null : 1 } : {}) }

/** The first of the static rules that refuses. */
export function refused(
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

export const ids = (rows: readonly WorldRow[]): (number | string)[] => rows.map(({ id }) => id)
export const children = (rows: readonly WorldRow[], parent: number | string): WorldRow[] =>
  rows.filter((row) => row.parent === parent)

export const idName = (resource: ResourceName): string => (resource === 'Tag' ? 'name' : 'id')

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
