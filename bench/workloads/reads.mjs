/**
 * The reading rows of the table in the specification. `targets`: what is measured, the first one against the others;
 * `floor` and `goal` are ratios of requests a second to `against`.
 */
import { DATASETS, FILES, GROUPS } from '../lib/data.mjs'

const id = (count) => 1 + Math.floor(Math.random() * count)
const file = (prefix) => () => ({ path: `${prefix}/files/${id(DATASETS * FILES)}` })
const dataset = (prefix) => () => ({ path: `${prefix}/datasets/${id(DATASETS)}` })
const list = (path, headers) => () => ({ path, headers })

const measured = (server, request) => ({ server, request })

const postgres = (name, floor, goal, biodm, limit) => ({
  name: `PostgreSQL ${name}`,
  database: 'postgres',
  floor,
  goal,
  against: 'L0',
  targets: {
    biodm: measured('biodm', biodm('')),
    L0: measured('limits', limit('/l0')),
    L1: measured('limits', limit('/l1')),
  },
})

const sqlite = (name, floor, goal, biodm, limit) => ({
  name: `SQLite ${name}`,
  database: 'sqlite',
  floor,
  goal,
  against: 'L0',
  targets: { biodm: measured('biodm', biodm('')), L0: measured('limits', limit('/l0')) },
})

const asGroups = { 'x-groups': GROUPS.join(',') }
const guarded = (name, path) => ({
  name: `PostgreSQL ${name} under rules, 20 groups`,
  database: 'postgres',
  floor: 0.7,
  goal: 0.85,
  against: 'without rules',
  targets: {
    biodm: measured('rules', list(path, asGroups)),
    'without rules': measured('biodm', list(path, asGroups)),
  },
})

const files = (prefix) => list(`${prefix}/files`)
const datasets = (prefix) => list(`${prefix}/datasets`)

export const READS = [
  postgres('point read, flat', 0.75, 1.2, file, file),
  postgres('point read, nested', 0.85, 1.3, dataset, dataset),
  postgres('list of 50, flat', 0.85, 0.95, files, files),
  postgres('list of 50, nested', 1.5, 2.0, datasets, datasets),
  guarded('list of 50, flat', '/files'),
  guarded('list of 50, nested', '/datasets'),
  sqlite('point read, flat', 0.6, 0.75, file, file),
  sqlite('point read, nested', 0.8, 0.9, dataset, dataset),
  sqlite('list of 50, flat', 0.8, 0.9, files, files),
  sqlite('list of 50, nested', 0.9, 1.2, datasets, datasets),
]
