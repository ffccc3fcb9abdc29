/** The world of the versions' oracle: a versioned root with children of every kind, and the same said as a table. */

export const CONFIG = `
auth: off
resources:
  Project:
    columns: { name: string(50)!, note: string(50) }
    relations: { datasets: { many: Dataset } }
  Badge:
    columns: { name: string(50)!, note: string(50) }
  Dataset:
    versioned: true
    columns: { name: string(50)!, note: string(50) }
    relations:
      project: { one: Project }
      origin: { one: Dataset, on_delete: set_null }
      badge: { one: Badge, unique: true }
      cover: { one: File, on_delete: set_null }
      samples: { many: Sample }
      files: { many: File, via: dataset }
      papers: { many: Paper }
      tags: { many: Tag, through: dataset_tag }
  Sample:
    columns: { name: string(50)!, note: string(50) }
    relations:
      dataset: { one: Dataset, required: true, on_delete: cascade }
      runs: { many: Run }
  Run:
    versioned: true
    columns: { name: string(50)!, note: string(50) }
    relations:
      sample: { one: Sample, on_delete: cascade }
      tags: { many: Tag, through: run_tag }
  File:
    columns: { name: string(50)!, note: string(50) }
    relations:
      dataset: { one: Dataset, required: true, on_delete: cascade }
      source: { one: Run, on_delete: set_null }
  Paper:
    versioned: strict
    columns: { name: string(50)!, note: string(50) }
    relations:
      dataset: { one: Dataset, on_delete: set_null }
      remarks: { many: Remark }
  Remark:
    columns: { name: string(50)!, note: string(50) }
    relations: { paper: { one: Paper, required: true } }
  Tag:
    columns: { name: { type: string(50), primary: true }, note: string(50) }
`

export type Kind = 'Project' | 'Badge' | 'Dataset' | 'Sample' | 'Run' | 'File' | 'Paper' | 'Remark' | 'Tag'

export interface ToOne {
  readonly target: Kind
  readonly required?: true
  readonly unique?: true
  readonly onDelete: 'restrict' | 'cascade' | 'set_null'
}

export interface Shape {
  readonly path: string
  readonly versioned: false | true | 'strict'
  readonly ones: Readonly<Record<string, ToOne>>
  /** Children: their kind and the to-one relation that points back. */
  readonly manys: Readonly<Record<string, { readonly target: Kind; readonly via: string }>>
  readonly tagged: boolean
}

const plain = { versioned: false, ones: {}, manys: {}, tagged: false } as const

export const SHAPES: Readonly<Record<Kind, Shape>> = {
  Project: { ...plain, path: '/projects', manys: { datasets: { target: 'Dataset', via: 'project' } } },
  Badge: { ...plain, path: '/badges' },
  Dataset: {
    path: '/datasets',
    versioned: true,
    ones: {
      project: { target: 'Project', onDelete: 'restrict' },
      origin: { target: 'Dataset', onDelete: 'set_null' },
      badge: { target: 'Badge', unique: true, onDelete: 'restrict' },
      cover: { target: 'File', onDelete: 'set_null' },
    },
    manys: {
      samples: { target: 'Sample', via: 'dataset' },
      files: { target: 'File', via: 'dataset' },
      papers: { target: 'Paper', via: 'dataset' },
    },
    tagged: true,
  },
  Sample: {
    ...plain,
    path: '/samples',
    ones: { dataset: { target: 'Dataset', required: true, onDelete: 'cascade' } },
    manys: { runs: { target: 'Run', via: 'sample' } },
  },
  Run: {
    ...plain,
    path: '/runs',
    versioned: true,
    ones: { sample: { target: 'Sample', onDelete: 'cascade' } },
    tagged: true,
  },
  File: {
    ...plain,
    path: '/files',
    ones: {
      dataset: { target: 'Dataset', required: true, onDelete: 'cascade' },
      source: { target: 'Run', onDelete: 'set_null' },
    },
  },
  Paper: {
    ...plain,
    path: '/papers',
    versioned: 'strict',
    ones: { dataset: { target: 'Dataset', onDelete: 'set_null' } },
    manys: { remarks: { target: 'Remark', via: 'paper' } },
  },
  Remark: {
    ...plain,
    path: '/remarks',
    ones: { paper: { target: 'Paper', required: true, onDelete: 'restrict' } },
  },
  Tag: { ...plain, path: '/tags' },
}

export const KINDS = Object.keys(SHAPES) as readonly Kind[]

/** In an order in which they can be emptied one after another. */
export const TABLES = [
  'dataset_tag',
  'run_tag',
  'remark',
  'paper',
  'biodm_entity_paper',
  'file',
  'run',
  'biodm_entity_run',
  'sample',
  'dataset',
  'biodm_entity_dataset',
  'badge',
  'project',
  'tag',
] as const
