/** Resources for the tour: how rows of them are made and changed. */
import type { World } from './tour.js'

type Rows = Pick<World, 'fresh' | 'change' | 'release'> & { readonly member: NonNullable<World['member']> }

/** The example's own resources. */
export const study = (n: number) => ({
  name: `study ${n}`,
  started_on: '2026-01-31',
  budget: '12.50',
  settings: { n },
})
const site = (n: number) => ({ name: `site ${n}`, latitude: -65.5, longitude: 60 })
const species = (n: number) => ({ name: `species ${n}`, scientific_name: `Species ${n}` })
const sample = (n: number) => ({
  label: `L${n}`,
  sex: 'female',
  collected_at: '2026-01-31T10:00:00Z',
  study: study(n),
  site: site(n),
  species: species(n),
})
const protocol = (n: number) => ({ title: `p${n}`, text: 'x', study: study(n) })
export const PEOPLE: Rows = {
  fresh: { User: (n) => ({ username: `user${n}` }), Group: (n) => ({ path: `top${n}` }) },
  change: {
    User: () => ({ email: 'a@example.org' }),
    Group: () => ({ id: null }),
  },
  member: { 'Group.children': (n, parent) => ({ path: `${parent}__sub${n}` }) },
}
export const FIELD_STUDY: Rows = {
  fresh: {
    ...PEOPLE.fresh,
    Study: study,
    Site: site,
    Species: species,
    Sample: (n) => ({ ...sample(n), band: { code: `S-${n}` } }),
    SourceFile: (n) => ({ filename: `f${n}`, extension: 'txt', size: 5, study: study(n) }),
    Band: (n) => ({ code: `B-${n}`, sample: sample(n) }),
    Measurement: (n) => ({ kind: KINDS[n % 4], value: 3.5, unit: 'g', sample: sample(n) }),
    Tag: (n) => ({ name: `tag ${n}` }),
    Protocol: protocol,
    Step: (n) => ({ position: n, instruction: 'look', protocol: protocol(n) }),
  },
  change: {
    ...PEOPLE.change,
    Study: () => ({ description: null, perm_self: { read: { groups: [{ path: 'curators' }] } } }),
    Site: () => ({ latitude: 1.25 }),
    Species: () => ({ parent: 'Genus' }),
    Sample: () => ({ notes: 'x', sex: null }),
    SourceFile: () => ({ filename: 'other' }),
    Band: (n) => ({ code: `C-${n}` }),
    Measurement: () => ({ value: 4 }),
    Tag: () => ({ samples: [] }),
    Protocol: () => ({ steps: [{ position: 1, instruction: 'more' }] }),
    Step: () => ({ position: 7 }),
  },
  member: PEOPLE.member,
}
const KINDS = ['beak_length', 'beak_depth', 'flipper_length', 'body_mass']

/** Every type, with and without limits and defaults; every form of key; versions, files, owners. */
export const TYPES_CONFIG = {
  name: 'types',
  plugins: {
    accounts: {},
    s3: { endpoint: '${OBJECTS}', bucket: 'types', multipart: { threshold: '5mb', part_size: '5mb' } },
  },
  resources: {
    Thing: {
      description: 'One column of each type',
      columns: {
        id: { type: 'uuid', primary: true, default: 'uuid' },
        small: { type: 'integer', min: -5, max: 5 },
        big: 'bigint!',
        ratio: { type: 'number', min: -1e300, max: 1e300 },
        price: { type: 'decimal(12,3)', min: '-5.5', default: '0.000' },
        name: 'string(20)!',
        code: { type: 'string(8)', min: 2, pattern: '^[a-z0-9]+$', unique: true },
        note: 'text',
        open: { type: 'boolean', default: true },
        day: 'date',
        at: 'datetime',
        ref: 'uuid',
        extra: 'json',
        kind: { type: 'enum', values: ['a', 'b'], required: true, default: 'a' },
        made_at: { type: 'datetime', default: 'now', readonly: true },
        made_by: { type: 'string', default: 'user' },
        secret: { type: 'text', hidden: true },
      },
      relations: { parts: { many: 'Part' }, pairs: { many: 'Pair', through: 'thing_pair' } },
      permissions: { self: { verbs: ['read'] }, parts: { verbs: ['read', 'write'] } },
    },
    Part: {
      columns: { number: 'integer!' },
      relations: { thing: { one: 'Thing', required: true, on_delete: 'cascade' }, above: { one: 'Part' } },
      access: { create: 'authenticated', delete: 'admin' },
    },
    Pair: {
      columns: { left: { type: 'string(8)', primary: true }, right: { type: 'integer', primary: true } },
      relations: { twin: { one: 'Pair' }, cover: { one: 'Cover', via: 'pair' } },
    },
    Cover: {
      columns: { title: 'string(30)' },
      relations: { pair: { one: 'Pair', required: true, unique: true, on_delete: 'cascade' } },
    },
    Edition: {
      versioned: true,
      columns: { title: 'string(30)!' },
      relations: { chapters: { many: 'Chapter' }, tags: { many: 'Tag', through: 'edition_tag' } },
      access: { release: ['editors'] },
    },
    Chapter: {
      columns: { text: 'text' },
      relations: { edition: { one: 'Edition', required: true, on_delete: 'cascade' } },
    },
    Tag: { versioned: 'strict', columns: { name: { type: 'string(20)', primary: true }, note: 'text' } },
    Report: { versioned: true, traits: ['s3.file'] },
  },
} as const

const thing = (n: number) => ({
  small: -5,
  big: 2 ** 53 - 1 - n,
  ratio: 1e-300,
  price: '-5.5',
  name: '𝒳é"\\'.repeat(4),
  code: `c${n}`,
  note: 'a\nb',
  open: false,
  day: '0001-01-01',
  at: '2026-01-31T10:00:00.123456+02:00',
  ref: '00000000-0000-4000-8000-000000000000',
  extra: [null, 1.5, { a: 'b' }],
  kind: 'b',
  secret: 's',
})
const pair = (n: number) => ({ left: `l${n}`, right: n })
const edition = (n: number) => ({ title: `e${n}`, tags: [{ name: `t${n}` }], chapters: [{ text: 'x' }] })

export const TYPES: Rows = {
  fresh: {
    ...PEOPLE.fresh,
    Thing: (n) => (n % 2 === 0 ? thing(n) : { big: 0, name: '' }),
    Part: (n) => ({ number: n, thing: thing(n), above: { number: -n, thing: { big: 1, name: 'x' } } }),
    Pair: (n) => ({ ...pair(n), twin: pair(-n), cover: { title: null } }),
    Cover: (n) => ({ pair: pair(n) }),
    Edition: edition,
    Chapter: (n) => ({ text: `${n}`, edition: edition(n) }),
    Tag: (n) => ({ name: `tag${n}`, note: 'x' }),
    Report: (n) => ({ filename: `r${n}`, extension: 'pdf', size: 3 }),
  },
  change: {
    ...PEOPLE.change,
    Thing: () => ({ ratio: null, extra: 'text', perm_self: { read: { groups: [{ path: 'editors' }] } } }),
    Part: () => ({ above: null }),
    Pair: () => ({ twin: null }),
    Cover: () => ({ title: 'y' }),
    Edition: () => ({ title: 'changed' }),
    Chapter: () => ({ text: null }),
    Tag: (n) => ({ name: `tag${n}`, version: 1 }),
    Report: () => ({ filename: 'renamed' }),
  },
  release: { Report: { size: 4 } },
  member: PEOPLE.member,
}
