/** The writing rows of the table in the specification, on PostgreSQL. */
import { DATASETS } from '../lib/data.mjs'

const random = (count) => 1 + Math.floor(Math.random() * count)
const post = (path, body) => ({ method: 'POST', path, body: JSON.stringify(body) })

let made = 0
const file = () => ({ filename: `reads_${made++}`, extension: 'fastq', size: random(1_000_000_000) })

const single = (prefix) => () => post(`${prefix}/files`, { ...file(), dataset_id: random(DATASETS) })

const thousand = (prefix) => () => {
  const dataset_id = random(DATASETS)
  return post(
    `${prefix}/files`,
    Array.from({ length: 1_000 }, () => ({ ...file(), dataset_id })),
  )
}

/** 1 project, 5 datasets, 50 files, 15 links to tags that exist. */
const tree = (prefix) => () =>
  post(`${prefix}/projects`, {
    name: `tree ${made++}`,
    datasets: Array.from({ length: 5 }, (_, dataset) => ({
      name: `dataset ${dataset}`,
      description: 'of a tree',
      size: random(1_000_000),
      files: Array.from({ length: 10 }, file),
      tags: Array.from({ length: 3 }, (_, tag) => ({ name: `tag${1 + 3 * dataset + tag}` })),
    })),
  })

const row = (name, floor, goal, request) => ({
  name: `PostgreSQL ${name}`,
  database: 'postgres',
  floor,
  goal,
  against: 'L0',
  targets: {
    biodm: { server: 'biodm', request: request('') },
    L0: { server: 'limits', request: request('/l0') },
  },
})

export const WRITES = [
  row('insert one, with its history', 0.7, 0.9, single),
  row('tree of 1 + 5 + 50 + 15', 0.6, 0.85, tree),
  row('array of 1 000 rows', 0.8, 0.95, thousand),
]
