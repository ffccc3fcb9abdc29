/** Hooks named by resources and traits, and what traits themselves have to say. */
import { OPERATIONS } from '../../hooks.js'
import type { HookRef, TraitTarget } from '../../plugin.js'
import { type Draft, keyColumns, mayBeLost, type Resolving, type TraitUse } from '../draft.js'
import type { Variables } from '../interpolate.js'
import { checkOptions, said } from '../plugins.js'
import type { RawHooks } from '../raw.js'
import type { Grammar } from '../schema.js'
import type { Path } from '../source.js'
import { didYouMean } from '../suggest.js'

type Stage = 'prefix' | 'postfix'

const ONLY: Readonly<Partial<Record<string, Stage>>> = {
  read: 'postfix',
  list: 'postfix',
  unlink: 'postfix',
  refer: 'prefix',
}

export function checkHooks(resolving: Resolving): void {
  for (const draft of resolving.drafts.values()) {
    for (const { hooks, at, trait } of draft.rawHooks) checkBindings(draft, hooks, at, trait, resolving)
  }
}

/** Operations that hooks of a resource can follow. */
export function hookedOperations(draft: Draft): string[] {
  const own = draft.traits.flatMap(({ trait }) => [...(trait.operations ?? []), ...(trait.verbs ?? [])])
  const [read, list, ...changing] = OPERATIONS
  return [read, list, 'write', ...changing, ...own]
}

function checkBindings(
  draft: Draft,
  hooks: RawHooks,
  at: Path,
  trait: TraitUse | null,
  resolving: Resolving,
): void {
  const place = (...path: string[]): Path => (trait === null ? [...at, ...path] : at)
  for (const [operation, stages] of Object.entries(hooks)) {
    const fault = operationFault(draft, operation, trait)
    if (fault !== null)
      resolving.report.fault(place(operation), fault.message, { key: true, hint: fault.hint })
    for (const stage of ['prefix', 'postfix'] as const) {
      const only = ONLY[operation] ?? stage
      if (only !== stage && stages[stage] !== undefined) {
        resolving.report.fault(place(operation, stage), `\`${operation}\` has ${only} hooks only`, {
          key: true,
        })
      }
      const refs = stages[stage] ?? []
      for (const [index, ref] of refs.entries())
        checkRef(ref, stage, place(operation, stage, String(index)), resolving)
    }
  }
}

function operationFault(
  draft: Draft,
  operation: string,
  trait: TraitUse | null,
): { message: string; hint: string | null } | null {
  const operations = hookedOperations(draft)
  if (!operations.includes(operation)) {
    if (draft.partial) return null
    return {
      message: `unknown operation \`${operation}\``,
      hint: didYouMean(operation, operations, 'operations'),
    }
  }
  // A trait may be taken by resources of both kinds.
  if (operation !== 'release' || draft.versioned !== false || trait !== null) return null
  return {
    message: `\`${draft.name}\` is not versioned, so nothing is released`,
    hint: 'add `versioned: true`',
  }
}

function checkRef(ref: HookRef, stage: Stage, at: Path, resolving: Resolving): void {
  const { plugins, report } = resolving
  const name = typeof ref === 'string' ? ref : ref.use
  const [owner = '', ...rest] = name.split('.')
  const plugin = plugins.find((loaded) => loaded.plugin.name === owner)?.plugin
  const hook = Object.entries(plugin?.hooks ?? {}).find(([key]) => key === rest.join('.'))?.[1]
  const place = typeof ref === 'string' ? at : [...at, 'use']
  if (hook !== undefined) {
    if (hook.stage !== stage)
      report.fault(place, `\`${name}\` is a ${hook.stage} hook`, { hint: `list it under \`${hook.stage}:\`` })
    return
  }
  if (mayBeLost(name, resolving)) return
  const names = plugins.flatMap((loaded) =>
    Object.keys(loaded.plugin.hooks ?? {}).map((key) => `${loaded.plugin.name}.${key}`),
  )
  const hint = didYouMean(name, names, 'hooks')
  const lost = plugin === undefined && hint?.startsWith('did') !== true
  report.fault(place, `unknown hook \`${name}\``, {
    hint: lost ? `no plugin \`${owner}\` is loaded: add it under \`plugins:\`` : hint,
  })
}

/** Options by the trait's schema, then the trait's own `validate`. */
export function checkTraits(resolving: Resolving, variables: Variables, grammar: Grammar): void {
  const { drafts, report } = resolving
  for (const draft of drafts.values()) {
    for (const use of draft.traits) {
      const before = report.size
      use.options = checkOptions(use.trait.options, use.options, use.at, { report, variables, grammar })
      if (use.trait.validate === undefined || report.size > before || draft.partial) continue
      for (const message of said(() => use.trait.validate?.(targetOf(draft, drafts), use.options))) {
        report.fault(use.at, `trait ${use.name}: ${message}`, { key: use.at.at(-1) === use.name })
      }
    }
  }
}

function targetOf(draft: Draft, drafts: Resolving['drafts']): TraitTarget {
  const toOne = [...draft.relations.values()].flatMap(({ name, definition }) =>
    definition?.kind === 'one' ? [[name, definition.target] as const] : [],
  )
  return {
    name: draft.name,
    versioned: draft.versioned,
    columns: [...draft.columns.keys()],
    primaryKey: keyColumns(draft).map(({ name }) => name),
    toOne: Object.fromEntries(toOne),
    resource: (name) => {
      const other = drafts.get(name)
      return other === undefined ? undefined : targetOf(other, drafts)
    },
  }
}
