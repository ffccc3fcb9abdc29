/** Random worlds: resources with keys and relations of all kinds, rows, lists of groups; and their config. */
import type { ColumnType } from '../../src/config/definition.js'
import type { Random } from './random.js'
import { columnConfig, POOLS, TYPES, type Value } from './values.js'

export type Row = Record<string, Value>

export interface OracleColumn {
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
}

/** `from`'s column equals `to`'s; through an association for n–m. */
export interface OracleRelation {
  readonly name: string
  readonly target: string
  readonly many: boolean
  /** Pairs own column → column of the target; null for n–m. */
  readonly pairs: readonly (readonly [own: string, other: string])[] | null
  readonly through: { readonly table: string; readonly side: 'left' | 'right' } | null
  readonly embed: boolean
}

export interface OracleResource {
  readonly name: string
  readonly table: string
  readonly key: readonly string[]
  readonly versioned: boolean
  readonly columns: OracleColumn[]
  readonly relations: OracleRelation[]
  readonly rows: Row[]
}

/** Links of an association: keys of both sides. */
export interface Link {
  readonly left: Row
  readonly right: Row
}

export interface Association {
  readonly table: string
  readonly left: OracleResource
  readonly right: OracleResource
  readonly leftName: string
  readonly rightName: string
  readonly links: Link[]
}

/** `permissions` of `carrier`, reaching the rows of `target` by the to-one columns `pairs` (empty: the row itself). */
export interface Rule {
  readonly carrier: string
  readonly key: string
  readonly target: string
  readonly pairs: readonly (readonly [own: string, other: string])[]
  readonly verbs: readonly Verb[]
}

export type Verb = 'read' | 'write'

export interface List {
  readonly id: number
  readonly rule: Rule
  readonly verb: Verb
  readonly carrier: Row
  readonly paths: readonly string[]
}

export interface World {
  readonly resources: ReadonlyMap<string, OracleResource>
  readonly associations: readonly Association[]
  readonly rules: readonly Rule[]
  readonly lists: readonly List[]
  readonly config: Record<string, unknown>
}

export const GROUPS: readonly string[] = ['lab', 'lab__rna', 'lab__rna__x', 'ward']

type Config = {
  columns: Record<string, unknown>
  relations: Record<string, unknown>
  permissions: Record<string, unknown>
  versioned?: boolean
}

const KEYS = ['serial', 'serial', 'string', 'composite', 'versioned', 'uuid'] as const

export function makeWorld(random: Random): World {
  const resources = new Map<string, OracleResource>()
  const configs: Record<string, Config> = {}
  const associations: Association[] = []
  const rules: Rule[] = []
  const count = 2 + random.below(3)
  for (let index = 0; index < count; index++) {
    const { resource, config } = makeResource(random, `R${index}`)
    resources.set(resource.name, resource)
    configs[resource.name] = config
    const earlier = [...resources.values()]
    for (let each = random.below(3); each >= 0; each--) {
      relate(random, resource, random.pick(earlier), `r${index}${each}`, configs, rules)
    }
    const other = random.pick(earlier)
    if (other !== resource && random.chance(0.6))
      associations.push(associate(random, other, resource, configs))
    if (random.chance(0.3)) {
      const verbs = ['read'] as const
      config.permissions['self'] = { verbs }
      rules.push({ carrier: resource.name, key: 'self', target: resource.name, pairs: [], verbs })
    }
  }
  for (const resource of resources.values()) fill(random, resource, resources)
  for (const association of associations) link(random, association)
  return {
    resources,
    associations,
    rules,
    lists: makeLists(random, rules, resources),
    config: { resources: configs },
  }
}

function makeResource(random: Random, name: string): { resource: OracleResource; config: Config } {
  const kind = random.pick(KEYS)
  const config: Config = { columns: {}, relations: {}, permissions: {} }
  const columns: OracleColumn[] = []
  const add = (column: string, type: ColumnType, long: Record<string, unknown>) => {
    columns.push({ name: column, type, required: long['required'] === true })
    config.columns[column] = long
  }
  const key = kind === 'composite' ? ['a', 'b'] : kind === 'versioned' ? ['id', 'version'] : ['id']
  if (kind === 'serial' || kind === 'versioned') add('id', 'serial', { type: 'serial' })
  if (kind === 'string') add('id', 'string', { type: 'string', primary: true })
  if (kind === 'uuid') add('id', 'uuid', { type: 'uuid', primary: true })
  if (kind === 'composite') {
    add('a', 'integer', { type: 'integer', primary: true })
    add('b', 'string', { type: 'string', primary: true })
  }
  for (let index = random.below(5); index >= 0; index--) {
    const type = random.pick(TYPES)
    add(`c${index}`, type, columnConfig(type, random.chance(0.3)))
  }
  if (kind === 'versioned') {
    config.versioned = true
    columns.push(
      { name: 'version', type: 'integer', required: true },
      { name: 'is_latest', type: 'boolean', required: true },
    )
  }
  const resource = {
    name,
    table: name.toLowerCase(),
    key,
    versioned: kind === 'versioned',
    columns,
    relations: [],
    rows: [],
  }
  return { resource, config }
}

/** A to-one relation with its inverse, and sometimes a rule along the inverse. */
function relate(
  random: Random,
  from: OracleResource,
  to: OracleResource,
  name: string,
  configs: Record<string, Config>,
  rules: Rule[],
): void {
  const [own, other] = [configs[from.name], configs[to.name]]
  if (own === undefined || other === undefined) return
  const required = from !== to && random.chance(0.3)
  const unique = !from.versioned && random.chance(0.25)
  const embed = random.chance(0.8)
  own.relations[name] = { one: to.name, required, ...(unique ? { unique } : {}), embed }
  const pairs = to.key.map((part): readonly [string, string] => {
    const column = `${name}_${part}`
    const type = to.columns.find((each) => each.name === part)?.type ?? 'integer'
    from.columns.push({ name: column, type: type === 'serial' ? 'integer' : type, required })
    return [column, part]
  })
  from.relations.push({ name, target: to.name, many: false, pairs, through: null, embed })
  const inverse = `i${name}`
  const back = random.chance(0.8)
  other.relations[inverse] = unique
    ? { one: from.name, via: name, embed: back }
    : { many: from.name, via: name, embed: back }
  to.relations.push({
    name: inverse,
    target: from.name,
    many: !unique,
    pairs: pairs.map(([column, part]) => [part, column]),
    through: null,
    embed: back,
  })
  if (!unique && from !== to && random.chance(0.5)) {
    const verbs = random.pick([['read'], ['read', 'write'], ['write']] as const)
    other.permissions[inverse] = { verbs }
    rules.push({ carrier: to.name, key: inverse, target: from.name, pairs, verbs })
  }
}

function associate(
  random: Random,
  left: OracleResource,
  right: OracleResource,
  configs: Record<string, Config>,
): Association {
  const table = `x_${left.table}_${right.table}`
  const names = [`m${right.table}`, `m${left.table}`] as const
  const sides = [
    [left, right, names[0], 'left'],
    [right, left, names[1], 'right'],
  ] as const
  for (const [from, to, name, side] of sides) {
    const embed = random.chance(0.8)
    const config = configs[from.name]
    if (config !== undefined) config.relations[name] = { many: to.name, through: table, embed }
    from.relations.push({ name, target: to.name, many: true, pairs: null, through: { table, side }, embed })
  }
  return { table, left, right, leftName: names[0], rightName: names[1], links: [] }
}

function fill(
  random: Random,
  resource: OracleResource,
  resources: ReadonlyMap<string, OracleResource>,
): void {
  const size = random.below(14)
  const used = new Set<string>()
  for (let index = 0; index < size; index++) {
    const row: Row = {}
    for (const column of resource.columns) row[column.name] = valueFor(random, resource, column, index)
    if (resource.versioned) {
      row['id'] = 1 + Math.floor(index / 3)
      row['version'] = 1 + (index % 3)
      row['is_latest'] = index === size - 1 || index % 3 === 2
    }
    if (!reference(random, resource, row, resources)) continue
    const key = JSON.stringify(resource.key.map((part) => row[part]))
    if (used.has(key)) continue
    used.add(key)
    resource.rows.push(row)
  }
}

function valueFor(random: Random, resource: OracleResource, column: OracleColumn, index: number): Value {
  const { name, type, required } = column
  if (type === 'serial') return index + 1
  const key = resource.key.includes(name)
  const pool = key ? POOLS[type].filter((value) => value !== '') : POOLS[type]
  return key || required || random.chance(0.75) ? random.pick(pool) : null
}

/** Fills foreign keys from rows that exist; false when a required one finds none. */
function reference(
  random: Random,
  resource: OracleResource,
  row: Row,
  resources: ReadonlyMap<string, OracleResource>,
): boolean {
  for (const relation of resource.relations) {
    if (relation.pairs === null || relation.many || !relation.name.startsWith('r')) continue
    const inverse = resources.get(relation.target)?.relations.find(({ name }) => name === `i${relation.name}`)
    const candidates = resources.get(relation.target)?.rows ?? []
    const taken = (target: Row) =>
      inverse?.many === false &&
      resource.rows.some((other) => relation.pairs?.every(([own, key]) => other[own] === target[key]))
    const free = candidates.filter((target) => !taken(target))
    const target = free.length > 0 && random.chance(0.8) ? random.pick(free) : null
    const required = resource.columns.find(({ name }) => name === relation.pairs?.[0]?.[0])?.required
    if (target === null && required === true) return false
    for (const [own, key] of relation.pairs) row[own] = target === null ? null : (target[key] ?? null)
  }
  return true
}

function link(random: Random, { left, right, links }: Association): void {
  for (const a of left.rows) {
    for (const b of right.rows) if (random.chance(0.25)) links.push({ left: a, right: b })
  }
}

function makeLists(
  random: Random,
  rules: readonly Rule[],
  resources: ReadonlyMap<string, OracleResource>,
): List[] {
  const lists: List[] = []
  for (const rule of rules) {
    for (const carrier of resources.get(rule.carrier)?.rows ?? []) {
      for (const verb of rule.verbs) {
        if (random.chance(0.5)) continue
        const paths = GROUPS.filter(() => random.chance(0.3))
        lists.push({ id: lists.length + 1, rule, carrier, verb, paths })
      }
    }
  }
  return lists
}
