/** Relations: foreign keys of to-ones, inverses, association tables. Needs complete primary keys. */

import { bare } from './columns.js'
import type { ColumnDefinition, ColumnPair, RelationDefinition } from './definition.js'
import { type Draft, keyColumns, type RelationDraft, type Resolving } from './draft.js'
import { didYouMean } from './suggest.js'

/** To-ones of all resources first, since inverses look for them. */
export function resolveRelations(resolving: Resolving): void {
  const each = (step: (draft: Draft, relation: RelationDraft, target: Draft) => void): void => {
    for (const draft of resolving.drafts.values()) {
      for (const relation of draft.relations.values()) {
        const target = resolving.drafts.get(relation.raw.one ?? relation.raw.many ?? '')
        if (target !== undefined) step(draft, relation, target)
      }
    }
  }
  reportUnknownTargets(resolving)
  each((draft, relation, target) => {
    if (relation.raw.one !== undefined && relation.raw.via === undefined)
      resolveToOne(draft, relation, target, resolving)
  })
  each((draft, relation, target) => {
    if (relation.raw.through !== undefined) resolveThrough(draft, relation, target, resolving)
    else if (relation.raw.many !== undefined || relation.raw.via !== undefined)
      resolveInverse(draft, relation, target, resolving)
  })
}

function reportUnknownTargets({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    for (const { raw, at } of draft.relations.values()) {
      const name = raw.one ?? raw.many
      if (name === undefined || drafts.has(name) || report.mayBeResource(name)) continue
      const key = raw.one === undefined ? 'many' : 'one'
      report.fault([...at, key], `unknown resource \`${name}\``, {
        hint: didYouMean(name, [...drafts.keys()], 'resources'),
      })
    }
  }
}

const common = ({ name, raw }: RelationDraft, target: Draft) => ({
  name,
  target: target.name,
  embed: raw.embed ?? true,
  description: raw.description ?? null,
})

function resolveToOne(draft: Draft, relation: RelationDraft, target: Draft, { report }: Resolving): void {
  const { raw, at } = relation
  const keys = keyColumns(target)
  const derived = raw.derived_from !== undefined
  const names = columnNames(relation, keys)
  if (names.length !== keys.length) {
    const list = keys.map(({ name }) => name).join(', ')
    report.fault(
      [...at, raw.column === undefined ? 'columns' : 'column'],
      `\`${target.name}\` has the key ${list}: ${keys.length === 1 ? 'one column is' : `${keys.length} columns are`} needed`,
      {
        hint:
          keys.length > 1 ? 'write `columns: […]` with one name for each' : 'write `column:` with one name',
      },
    )
    return
  }
  const columns: ColumnPair[] = []
  for (const [index, key] of keys.entries()) {
    const column = names[index] ?? key.name
    columns.push({ column, references: key.name })
    addForeignKey(draft, relation, column, key, report)
  }
  relation.definition = {
    ...common(relation, target),
    kind: 'one',
    columns,
    required: raw.required === true,
    unique: raw.unique === true,
    onDelete: raw.on_delete ?? 'restrict',
    constraint: !derived,
  }
  if (raw.unique === true) draft.uniqueColumns.push({ columns: columns.map(({ column }) => column), at })
}

function columnNames({ name, raw }: RelationDraft, keys: readonly ColumnDefinition[]): readonly string[] {
  if (raw.columns !== undefined) return raw.columns
  if (raw.column !== undefined) return [raw.column]
  return keys.map((key) => `${name}_${key.name}`)
}

/** A declared column may serve as the foreign key when the relation names it; otherwise the names clash. */
function addForeignKey(
  draft: Draft,
  relation: RelationDraft,
  name: string,
  key: ColumnDefinition,
  report: Resolving['report'],
): void {
  const { raw, at } = relation
  const declared = draft.columns.get(name)
  const named = raw.column !== undefined || raw.columns !== undefined
  if (declared === undefined) {
    draft.columns.set(name, {
      definition: foreignKey(relation, name, key),
      at,
      trait: relation.trait,
      long: false,
    })
    return
  }
  if (!named) {
    report.fault(at, `the relation adds a column \`${name}\`, which is declared already`, {
      key: true,
      hint: `remove the column, or write \`column: ${name}\` to use it for the relation`,
    })
    return
  }
  const type = foreignKey(relation, name, key)
  if (declared.definition.type !== type.type) {
    const place = [...at, raw.column === undefined ? 'columns' : 'column']
    report.fault(
      place,
      `column \`${name}\` is ${declared.definition.type}, but the key it refers to is ${type.type}`,
    )
    return
  }
  const definition = {
    ...declared.definition,
    lowercase: type.lowercase,
    role: 'foreign' as const,
  }
  draft.columns.set(name, {
    ...declared,
    definition: raw.required === true ? { ...definition, required: true } : definition,
  })
}

/** Of the same type as the key it points at; a `serial` key is referred to by an integer. */
function foreignKey({ raw }: RelationDraft, name: string, key: ColumnDefinition): ColumnDefinition {
  const derived = raw.derived_from
  return bare(name, {
    type: key.type === 'serial' ? 'integer' : key.type,
    length: key.length,
    precision: key.precision,
    scale: key.scale,
    values: key.values,
    lowercase: key.lowercase,
    required: raw.required === true,
    role: 'foreign',
    ...(derived === undefined
      ? {}
      : { hidden: true, readonly: true, default: { kind: 'parent_path', of: derived } }),
  })
}

function resolveInverse(draft: Draft, relation: RelationDraft, target: Draft, { report }: Resolving): void {
  const { raw, at } = relation
  const fitting = [...target.relations.values()].filter(
    (other) => isToOneTo(other, draft.name) && other !== relation,
  )
  const via = raw.via === undefined ? fitting : fitting.filter((other) => other.name === raw.via)
  const [found] = via
  const names = fitting.map(({ name }) => name)
  if (found === undefined || via.length > 1) {
    if (
      report.isBroken(['resources', target.name]) ||
      [...target.relations.values()].some(
        (other) => other.raw.one === draft.name && other.definition === null && other.raw.via === undefined,
      )
    )
      return
    reportInverse(draft, relation, target, names, report)
    return
  }
  const one = found.definition
  if (one?.kind !== 'one') return
  if (raw.one !== undefined && !one.unique) {
    report.fault(
      [...at, 'via'],
      `\`${target.name}.${found.name}\` is not unique, so that many rows may point here`,
      {
        hint: `add \`unique: true\` to it, or write \`many: ${target.name}\``,
      },
    )
    return
  }
  const kind = raw.one === undefined ? 'many' : 'inverse_one'
  relation.definition = { ...common(relation, target), kind, via: found.name, columns: one.columns }
}

function isToOneTo({ definition }: RelationDraft, name: string): boolean {
  return definition?.kind === 'one' && definition.target === name
}

function reportInverse(
  draft: Draft,
  { raw, at }: RelationDraft,
  target: Draft,
  names: readonly string[],
  report: Resolving['report'],
): void {
  if (raw.via !== undefined) {
    const hint = didYouMean(raw.via, names, 'its relations to here')
    report.fault(
      [...at, 'via'],
      `\`${target.name}\` has no to-one relation \`${raw.via}\` to \`${draft.name}\``,
      { hint },
    )
  } else if (names.length > 1) {
    report.fault(
      [...at, 'many'],
      `ambiguous inverse: \`${target.name}\` refers to \`${draft.name}\` by ${names.map((name) => `\`${name}\``).join(' and ')}`,
      {
        hint: `add \`via: ${names[0]}\` or another of them`,
      },
    )
  } else {
    report.fault(
      [...at, 'many'],
      `no inverse: \`${target.name}\` has no to-one relation to \`${draft.name}\``,
      {
        hint: `add \`${draft.name.toLowerCase()}: { one: ${draft.name} }\` to it, or \`through:\` here for many-to-many`,
      },
    )
  }
}

function resolveThrough(
  draft: Draft,
  relation: RelationDraft,
  target: Draft,
  { drafts, report }: Resolving,
): void {
  const { raw, at } = relation
  const table = raw.through ?? ''
  const first = firstUse(table, drafts)
  if (first === null) return
  const mirrored = first.relation !== relation
  if (mirrored && !isMirror(first, draft, target)) {
    report.fault(
      [...at, 'through'],
      `the association table \`${table}\` already links \`${first.draft.name}\` and \`${first.relation.raw.many}\``,
      {
        hint: 'give each pair of resources a table of its own',
      },
    )
    return
  }
  const sides = mirrored && first.relation.definition?.kind === 'through' ? first.relation.definition : null
  if (mirrored && sides === null) return
  const definition: RelationDefinition = {
    ...common(relation, target),
    kind: 'through',
    table,
    own: sides?.other ?? pairs(draft.name.toLowerCase(), draft),
    other:
      sides?.own ?? pairs(draft === target ? relation.name.toLowerCase() : target.name.toLowerCase(), target),
    owner: !mirrored,
  }
  relation.definition = definition
}

interface Use {
  readonly draft: Draft
  readonly relation: RelationDraft
}

/** The relation that declares an association table first; the others mirror it. */
function firstUse(table: string, drafts: ReadonlyMap<string, Draft>): Use | null {
  for (const draft of drafts.values()) {
    for (const relation of draft.relations.values()) {
      if (relation.raw.through === table && drafts.has(relation.raw.many ?? '')) return { draft, relation }
    }
  }
  return null
}

const isMirror = (first: Use, draft: Draft, target: Draft): boolean =>
  first.draft === target && first.relation.raw.many === draft.name

function pairs(prefix: string, side: Draft): readonly ColumnPair[] {
  return keyColumns(side).map(({ name }) => ({ column: `${prefix}_${name}`, references: name }))
}
