/** Random configurations for the comparison of the databases: every kind of key, column and relation. */
import type { ColumnType } from '../../src/config/definition.js'
import type { Random } from './random.js'

type Json = Record<string, unknown>

export interface ParityRelation {
  readonly target: string
  /** Foreign-key columns with the key columns of the target they hold; none for the side without. */
  readonly columns: readonly (readonly [column: string, references: string])[]
}

export interface ParityResource {
  readonly name: string
  readonly path: string
  readonly kind: KeyKind
  /** Key columns with the pool of their values. */
  readonly keys: readonly (readonly [name: string, pool: Pool])[]
  readonly columns: ReadonlyMap<string, ColumnType>
  readonly one: Map<string, ParityRelation>
  readonly many: Map<string, ParityRelation>
}

export interface ParityWorld {
  readonly config: Json
  readonly resources: ReadonlyMap<string, ParityResource>
}

export const ENUM = ['a', 'b,c', 'Ü*']

/** As clients write them; canonical forms are the databases' business. */
export const POOLS = {
  integer: [-2147483648, -1, 0, 1, 2, 10, 2147483647],
  bigint: [-9007199254740991, -1, 0, 1, 2, 9007199254740991],
  number: [-1.5, 0, 0.1, 1, 2.5, 1e21, 1e-7, 1.7976931348623157e308, 5e-324, 0.30000000000000004],
  decimal: ['0', '-1.5', '1.25', '9999.99', '-0.01', '10', '2'],
  string: [
    '',
    'a',
    'A',
    'b_c',
    'ä',
    'Ä',
    'ß',
    '%',
    '_',
    '*',
    'a*b',
    'a,b',
    '\\',
    '😀',
    'İ',
    'K',
    'ﬀ',
    ' ',
    "'",
    '"',
  ],
  text: ['', 'x', 'X y', 'line\nbreak', 'tab\t', 'z_', 'Σ', 'ς'],
  boolean: [true, false],
  date: ['0001-01-01', '1999-12-31', '2024-02-29', '9999-12-31'],
  datetime: [
    '2024-02-29T12:00:00Z',
    '2024-02-29T14:00:00+02:00',
    '1969-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00.1239Z',
  ],
  uuid: ['aaaaaaaa-1111-1111-1111-111111111111', 'BBBBBBBB-1111-1111-1111-111111111111'],
  json: [1, 'x', [1, null], { b: 1, a: { z: 1, y: [] }, é: 2 }, {}, false, 0, ''],
  enum: ENUM,
  id: [1, 2, 3, 4, 5],
  version: [1, 1, 1, 1, 2],
  name: ['a', 'b', 'a_b', 'ü', 'x y', 'A'],
  nr: [-1, 0, 1, 2],
} as const satisfies Record<string, readonly unknown[]>
export type Pool = keyof typeof POOLS

const TYPES = [
  'integer',
  'bigint',
  'number',
  'decimal',
  'string',
  'text',
  'boolean',
  'date',
  'datetime',
  'uuid',
  'json',
  'enum',
] as const
const UNIQUE: readonly string[] = [
  'integer',
  'bigint',
  'string',
  'text',
  'date',
  'datetime',
  'decimal',
  'uuid',
]
const DEFAULTS: Readonly<Record<string, unknown>> = {
  boolean: false,
  integer: 7,
  string: 'given',
  date: '2024-01-01',
}

const KINDS = {
  serial: [['id', 'id']],
  string: [['k', 'name']],
  integer: [['k', 'nr']],
  uuid: [['k', 'uuid']],
  composite: [
    ['a', 'name'],
    ['n', 'nr'],
  ],
  dated: [
    ['d', 'date'],
    ['e', 'enum'],
    ['x', 'name'],
  ],
  versioned: [
    ['id', 'id'],
    ['version', 'version'],
  ],
  strict: [
    ['id', 'id'],
    ['version', 'version'],
  ],
  named: [
    ['k', 'name'],
    ['version', 'version'],
  ],
} as const satisfies Record<string, readonly (readonly [string, Pool])[]>
type KeyKind = keyof typeof KINDS
const KIND_NAMES = Object.keys(KINDS) as KeyKind[]

const KEY_TYPES: Partial<Record<Pool, Json>> = {
  name: { type: 'string', primary: true },
  nr: { type: 'integer', primary: true },
  uuid: { type: 'uuid', primary: true },
  date: { type: 'date', primary: true },
  enum: { type: 'enum', values: ENUM, primary: true },
}

/** Some are no valid configuration (an ambiguous inverse, a circle): the caller tries the next one. */
export function makeParityWorld(random: Random): ParityWorld {
  const names = ['Ra', 'Rb', 'Rc', 'Rd'].slice(0, 3 + random.below(2))
  const resources = new Map(names.map((name) => [name, makeResource(random, name)]))
  const config: Record<string, { columns: Json; relations: Json; versioned?: unknown }> = {}
  for (const [name, resource] of resources) {
    config[name] = { columns: columnsOf(random, resource), relations: {} }
    if (resource.keys.some(([key]) => key === 'version')) {
      config[name].versioned = resource.kind === 'strict' ? 'strict' : true
    }
  }
  names.forEach((name, index) => {
    const relations = (of: string): Json => config[of]?.relations ?? {}
    for (let count = random.below(3); count > 0; count--)
      relate(random, resources, relations, names, index, count)
    const other = random.pick(names)
    if (other !== name && random.chance(0.5)) link(random, resources, relations, name, other)
  })
  return { config: { name: 'parity', resources: config }, resources }
}

function makeResource(random: Random, name: string): ParityResource {
  const kind = random.pick(KIND_NAMES)
  const columns = new Map<string, ColumnType>()
  for (let count = 2 + random.below(5); count > 0; count--) columns.set(`c${count}`, random.pick(TYPES))
  return {
    name,
    path: `/${name.toLowerCase()}s`,
    kind,
    keys: KINDS[kind],
    columns,
    one: new Map(),
    many: new Map(),
  }
}

function columnsOf(random: Random, { keys, columns }: ParityResource): Json {
  const config: Json = {}
  for (const [name, pool] of keys) {
    if (pool === 'id') config[name] = 'serial'
    else if (pool !== 'version') config[name] = KEY_TYPES[pool]
  }
  for (const [name, type] of columns) config[name] = columnOf(random, type)
  return config
}

function columnOf(random: Random, type: ColumnType): Json {
  const column: Json = {
    type: type === 'decimal' ? 'decimal(6,2)' : type,
    required: random.chance(0.2),
    hidden: random.chance(0.1),
  }
  if (type === 'enum') column['values'] = ENUM
  if (UNIQUE.includes(type) && random.chance(0.15)) return { ...column, unique: true }
  const given = DEFAULTS[type]
  return given === undefined || random.chance(0.7) ? column : { ...column, default: given }
}

function relate(
  random: Random,
  resources: ReadonlyMap<string, ParityResource>,
  relations: (of: string) => Json,
  names: readonly string[],
  index: number,
  count: number,
): void {
  const name = names[index] ?? ''
  const target = random.chance(0.25) ? name : random.pick(names)
  const via = `o${count}`
  const required = names.indexOf(target) < index && random.chance(0.3)
  const unique = random.chance(0.25)
  const onDelete = random.pick(['restrict', 'cascade', ...(required ? [] : ['set_null'])])
  relations(name)[via] = { one: target, required, unique, on_delete: onDelete, embed: random.chance(0.85) }
  const columns = (resources.get(target)?.keys ?? []).map(([key]) => [`${via}_${key}`, key] as const)
  resources.get(name)?.one.set(via, { target, columns })
  if (random.chance(0.3)) return
  const inverse = `i_${name.toLowerCase()}_${via}`
  relations(target)[inverse] = { [unique ? 'one' : 'many']: name, via, embed: random.chance(0.85) }
  const side = unique ? resources.get(target)?.one : resources.get(target)?.many
  side?.set(inverse, { target: name, columns: [] })
}

function link(
  random: Random,
  resources: ReadonlyMap<string, ParityResource>,
  relations: (of: string) => Json,
  from: string,
  to: string,
): void {
  const through = `x_${from}_${to}`.toLowerCase()
  const sides: readonly (readonly [string, string, string])[] = [
    [from, `l_${to.toLowerCase()}`, to],
    [to, `b_${from.toLowerCase()}`, from],
  ]
  for (const [name, relation, target] of random.chance(0.5) ? sides : sides.slice(0, 1)) {
    relations(name)[relation] = { many: target, through }
    resources.get(name)?.many.set(relation, { target, columns: [] })
  }
}
