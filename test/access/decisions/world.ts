/**
 * Random worlds for the comparison: a configuration with random rules, rows with random lists, and callers. Everything
 * follows from a seed.
 */

export type Random = () => number

/** mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export const pick = <T>(random: Random, values: readonly T[]): T => {
  const value = values[Math.floor(random() * values.length)]
  if (value === undefined) throw new RangeError('nothing to pick from')
  return value
}

export const some = <T>(random: Random, values: readonly T[], share: number): T[] =>
  values.filter(() => random() < share)

export type ResourceName = 'Project' | 'Dataset' | 'File' | 'Tag'
export const RESOURCES: readonly ResourceName[] = ['Project', 'Dataset', 'File', 'Tag']
export const PATHS: Readonly<Record<ResourceName, string>> = {
  Project: 'projects',
  Dataset: 'datasets',
  File: 'files',
  Tag: 'tags',
}

export type Rule = 'public' | 'authenticated' | 'admin' | readonly string[]

export interface Permission {
  readonly key: string
  readonly verbs: readonly string[]
  readonly propagate: readonly string[]
}

export interface Config {
  readonly versioned: boolean
  readonly access: Readonly<Record<ResourceName, Readonly<Record<string, Rule>>>>
  readonly permissions: Readonly<Record<'Project' | 'Dataset' | 'File', readonly Permission[]>>
}

/** Look-alikes by prefix, suffix and case beside real descendants. */
export const GROUPS = ['a', 'a__b', 'a__b__c', 'a__bc', 'A', 'b', 'x', 'x__a__b', 'admin__sub'] as const

export interface User {
  readonly username: string
  readonly groups: readonly string[]
}
export type Who = User | null

export function randomConfig(random: Random): Config {
  const rule = (): Rule => {
    const chance = random()
    if (chance < 0.62) return 'public'
    if (chance < 0.77) return 'authenticated'
    if (chance < 0.96) return some(random, GROUPS, 0.25)
    return 'admin'
  }
  const rules = () =>
    Object.fromEntries(['read', 'create', 'update', 'delete'].map((verb) => [verb, nonEmpty(rule())]))
  const verbs = (): string[] => pick(random, [['read', 'write'], ['read'], ['write']])
  const maybe = (share: number, permission: () => Permission): Permission[] =>
    random() < share ? [permission()] : []
  const self = (): Permission => ({ key: 'self', verbs: ['read'], propagate: [] })
  return {
    versioned: random() < 0.5,
    access: { Project: rules(), Dataset: rules(), File: rules(), Tag: rules() },
    permissions: {
      Project: [
        ...maybe(0.7, () => ({
          key: 'datasets',
          verbs: verbs(),
          propagate: random() < 0.5 ? ['files'] : [],
        })),
        ...maybe(0.4, () => ({ key: 'datasets.files', verbs: verbs(), propagate: [] })),
        ...maybe(0.3, self),
      ],
      Dataset: [...maybe(0.7, () => ({ key: 'files', verbs: verbs(), propagate: [] })), ...maybe(0.3, self)],
      File: maybe(0.3, self),
    },
  }
}

const nonEmpty = (rule: Rule): Rule => (Array.isArray(rule) && rule.length === 0 ? 'authenticated' : rule)

/** As a configuration object. */
export function toDefinition(config: Config, authenticator: string): Record<string, unknown> {
  const permissions = (list: readonly Permission[]) =>
    Object.fromEntries(list.map(({ key, verbs, propagate }) => [key, { verbs, propagate }]))
  const { access } = config
  return {
    name: 'worlds',
    plugins: { [authenticator]: {} },
    resources: {
      Project: {
        columns: { name: 'string(50)!' },
        relations: { datasets: { many: 'Dataset' } },
        access: access.Project,
        permissions: permissions(config.permissions.Project),
      },
      Dataset: {
        ...(config.versioned ? { versioned: true } : {}),
        columns: { name: 'string(50)!' },
        relations: {
          project: { one: 'Project' },
          files: { many: 'File' },
          tags: { many: 'Tag', through: 'dataset_tag' },
        },
        access: access.Dataset,
        permissions: permissions(config.permissions.Dataset),
      },
      File: {
        columns: { note: 'string(50)' },
        relations: { dataset: { one: 'Dataset' } },
        access: access.File,
        permissions: permissions(config.permissions.File),
      },
      Tag: { columns: { name: { type: 'string(50)', primary: true } }, access: access.Tag },
    },
  }
}

/** Rows at the start; a share of the requests names ids behind them. */
export const PROJECTS = 5
export const DATASETS = 14
export const FILES = 60

/** permission key → verb → paths */
export type Lists = Record<string, Record<string, string[]>>

export interface WorldRow {
  readonly id: number | string
  /** Project of a dataset, dataset of a file. */
  parent: number | null
  text: string
  lists: Lists
}

export interface World {
  readonly config: Config
  readonly rows: Readonly<Record<ResourceName, Map<number | string, WorldRow>>>
  /** `dataset:tag` */
  readonly links: Set<string>
}

export function randomWorld(random: Random, config: Config): World {
  const lists = (carrier: 'Project' | 'Dataset' | 'File'): Lists => {
    const made: Lists = {}
    for (const { key, verbs } of config.permissions[carrier]) {
      for (const verb of verbs) {
        if (random() < 0.55) continue
        const field = made[key] ?? {}
        made[key] = field
        field[verb] = some(random, GROUPS, 0.2)
      }
    }
    return made
  }
  const make = <T extends WorldRow>(count: number, row: (id: number) => T) =>
    new Map<number | string, WorldRow>(
      Array.from({ length: count }, (_, index) => [index + 1, row(index + 1)]),
    )
  const projects = make(PROJECTS, (id) => ({ id, parent: null, text: `p${9 - id}`, lists: lists('Project') }))
  const parentAmong = (count: number): number | null =>
    random() < 0.15 ? null : 1 + Math.floor(random() * count)
  const datasets = make(DATASETS, (id) => ({
    id,
    parent: parentAmong(PROJECTS),
    text: `d${id}`,
    lists: lists('Dataset'),
  }))
  const files = make(FILES, (id) => ({
    id,
    parent: parentAmong(DATASETS),
    text: `n${Math.floor(random() * 4)}`,
    lists: lists('File'),
  }))
  const tags = new Map<number | string, WorldRow>(
    ['t1', 't2', 't3'].map((name) => [name, { id: name, parent: null, text: name, lists: {} }]),
  )
  const links = new Set<string>()
  for (const dataset of datasets.keys())
    for (const tag of tags.keys()) if (random() < 0.4) links.add(`${dataset}:${tag}`)
  return { config, rows: { Project: projects, Dataset: datasets, File: files, Tag: tags }, links }
}

export function randomUsers(random: Random): readonly Who[] {
  return [
    null,
    { username: 'nobody', groups: [] },
    { username: 'u1', groups: ['a__b'] },
    { username: 'u2', groups: [pick(random, GROUPS)] },
    { username: 'u3', groups: some(random, GROUPS, 0.4) },
    { username: 'u4', groups: some(random, GROUPS, 0.7) },
  ]
}
