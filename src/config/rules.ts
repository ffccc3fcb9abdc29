/** `unique`, `permissions` and `hooks` of the drafts, once columns and relations are known. */
import type { HookRef } from '../plugin.js'
import type { HookUse, PermissionDefinition, StageBindings } from './definition.js'
import type { Draft, Resolving } from './draft.js'
import type { RawHooks } from './raw.js'
import type { Path } from './source.js'
import { didYouMean } from './suggest.js'

/** Names of relations become their columns; what is unique in a versioned resource is so within a version. */
export function resolveUnique({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    for (const { names, at } of draft.unique) {
      const columns = names.flatMap((name, index) => uniquePart(draft, name, [...at, String(index)], report))
      if (columns.length > 0) draft.uniqueColumns.push({ columns, at })
    }
    if (draft.versioned !== false) versionUnique(draft)
    dropRepeated(draft)
  }
}

function uniquePart(draft: Draft, name: string, at: Path, report: Resolving['report']): readonly string[] {
  if (draft.columns.has(name)) return [name]
  const relation = draft.relations.get(name)
  if (relation?.definition?.kind === 'one') return relation.definition.columns.map(({ column }) => column)
  const broken = ['columns', 'relations'].some((kind) => report.isBroken([...draft.at, kind, name]))
  if (broken || relation?.raw.one !== undefined) return []
  const names = [
    ...draft.columns.keys(),
    ...[...draft.relations.values()].filter(({ raw }) => raw.one !== undefined).map((r) => r.name),
  ]
  const what = relation === undefined ? `unknown column \`${name}\`` : `\`${name}\` is not a to-one relation`
  report.fault(at, what, { hint: relation === undefined ? didYouMean(name, names, 'columns') : null })
  return []
}

function versionUnique(draft: Draft): void {
  for (const [name, column] of draft.columns) {
    if (!column.definition.unique) continue
    draft.columns.set(name, { ...column, definition: { ...column.definition, unique: false } })
    draft.uniqueColumns.push({ columns: [name], at: column.at })
  }
  for (const [index, { columns, at }] of draft.uniqueColumns.entries()) {
    if (!columns.includes('version')) draft.uniqueColumns[index] = { columns: [...columns, 'version'], at }
  }
}

function dropRepeated(draft: Draft): void {
  const seen = new Set<string>()
  const kept = draft.uniqueColumns.filter(({ columns }) => {
    const key = [...columns].sort().join()
    return !seen.has(key) && seen.add(key)
  })
  draft.uniqueColumns.splice(0, draft.uniqueColumns.length, ...kept)
}

export function resolvePermissions({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    draft.permissions = draft.rawPermissions.flatMap(({ key, raw, at }) => {
      const path = key === 'self' ? [] : key.split('.')
      const end = followMany(draft, path, drafts)
      if (typeof end !== 'string') {
        const propagate = (raw.propagate ?? []).map((more, index) => {
          const hops = more.split('.')
          const reached = followMany(end, hops, drafts)
          if (typeof reached === 'string')
            chainFault(reached, more, [...at, 'propagate', String(index)], report, false)
          return [...path, ...hops]
        })
        return [permission(key, path, raw.verbs, propagate)]
      }
      chainFault(end, key, at, report, true)
      return []
    })
  }
}

function permission(
  key: string,
  path: readonly string[],
  verbs: readonly string[],
  propagate: readonly (readonly string[])[],
): PermissionDefinition {
  return { key, field: `perm_${key.replaceAll('.', '_')}`, path, verbs: [...verbs], propagate }
}

/** The resource at the end of a chain of one-to-many relations; else the fault, empty for one reported elsewhere. */
export function followMany(
  start: Draft,
  hops: readonly string[],
  drafts: ReadonlyMap<string, Draft>,
): Draft | string {
  let draft = start
  for (const hop of hops) {
    const relation = draft.relations.get(hop)
    if (relation === undefined) return `\`${draft.name}\` has no relation \`${hop}\``
    if (relation.raw.many === undefined || relation.raw.through !== undefined) {
      return `\`${draft.name}.${hop}\` is not one-to-many`
    }
    const target = drafts.get(relation.raw.many)
    if (target === undefined || relation.definition === null) return ''
    draft = target
  }
  return draft
}

function chainFault(
  message: string,
  path: string,
  at: Path,
  report: Resolving['report'],
  key: boolean,
): void {
  if (message === '') return
  report.fault(at, `permission \`${path}\`: ${message}`, {
    key,
    hint: 'a permission follows one-to-many relations only',
  })
}

/** `write` stands for both. */
const WRITE = ['create', 'update'] as const

export function resolveHooks({ drafts }: Resolving): void {
  for (const draft of drafts.values()) {
    const bindings = new Map<string, StageBindings>()
    for (const { hooks } of draft.rawHooks)
      for (const [name, stages] of bound(hooks)) addStages(bindings, name, stages)
    draft.hooks = Object.fromEntries(bindings)
  }
}

/** Operation → stages, with `write` spelled out, in the order written. */
function bound(hooks: RawHooks): [string, RawHooks[string]][] {
  return Object.entries(hooks).flatMap(([operation, stages]) =>
    (operation === 'write' ? WRITE : [operation]).map((name): [string, RawHooks[string]] => [name, stages]),
  )
}

function addStages(bindings: Map<string, StageBindings>, name: string, stages: RawHooks[string] = {}): void {
  const { prefix, postfix } = bindings.get(name) ?? { prefix: [], postfix: [] }
  bindings.set(name, {
    prefix: [...prefix, ...(stages.prefix ?? []).map(hookUse)],
    postfix: [...postfix, ...(stages.postfix ?? []).map(hookUse)],
  })
}

function hookUse(ref: HookRef): HookUse {
  return typeof ref === 'string' ? { use: ref, options: {} } : { use: ref.use, options: ref.with ?? {} }
}
