/**
 * Plans → statements, compiled once for each shape and kept, bounded, with the model. On PostgreSQL a shape that is used
 * again gets a name: a statement prepared on every connection, so there is a limit to them too.
 */
import { Bounded } from '../../bounded.js'
import type { DialectName } from '../../config/definition.js'
import type { Model } from '../../model/model.js'
import type { Selection } from '../../plan/plan.js'
import type { Statement } from '../database.js'
import { type Compilation, compilation, type SelectPlan } from './compilation.js'
import type { Find } from './parameters.js'
import { shapeOf } from './shape.js'
import { backText, listText, readText, relatedText, type Wanted } from './statements.js'

const MAX_KEPT = 1_000
const MAX_NAMED = 500
/** Single rows share a pipelined connection on PostgreSQL; longer answers would hold up others. */
const POINT_KINDS: ReadonlySet<SelectPlan['kind']> = new Set(['read', 'related'])

interface Compiled {
  readonly text: string
  readonly finds: readonly Find<SelectPlan>[]
  readonly point: boolean
  uses: number
  name: string | undefined
}

/** The statements of one model on one dialect. */
class Kept {
  readonly #compiled = new Bounded<string, Compiled>(MAX_KEPT)
  readonly #selections = new WeakMap<Selection, number>()
  #selectionCount = 0
  #named = 0

  find(selection: Selection, shape: string, make: () => Compiled): Compiled {
    return this.#compiled.get(`${this.#number(selection)} ${shape}`, make)
  }

  /** A name for a statement that is worth one; undefined when all are given away. */
  name(): string | undefined {
    return this.#named < MAX_NAMED ? `biodm_r${this.#named++}` : undefined
  }

  #number(selection: Selection): number {
    const known = this.#selections.get(selection)
    if (known !== undefined) return known
    this.#selections.set(selection, this.#selectionCount)
    return this.#selectionCount++
  }
}

const keptBy = new WeakMap<Model, Record<DialectName, Kept>>()

function kept(model: Model, dialect: DialectName): Kept {
  const known = keptBy.get(model)
  if (known !== undefined) return known[dialect]
  const made = { postgres: new Kept(), sqlite: new Kept() }
  keptBy.set(model, made)
  return made[dialect]
}

/** The one statement of a plan. */
export function selectStatement(
  model: Model,
  plan: SelectPlan,
  dialect: DialectName,
  wanted: Wanted = NO_KEYS,
): Statement {
  const compiled = compiledFor(model, plan, dialect, wanted)
  const { text, name, point } = compiled
  const values = compiled.finds.map((find) => find(plan))
  return name === undefined ? { text, values, point } : { text, values, point, name }
}

const NO_KEYS: Wanted = Object.freeze({ keys: false })

function compiledFor(model: Model, plan: SelectPlan, dialect: DialectName, wanted: Wanted): Compiled {
  const all = kept(model, dialect)
  const compiled = all.find(plan.selection, shapeOf(plan, wanted.keys), () =>
    compile(model, plan, dialect, wanted),
  )
  if (dialect === 'postgres' && ++compiled.uses === 2) compiled.name = all.name()
  return compiled
}

function compile(model: Model, plan: SelectPlan, dialect: DialectName, wanted: Wanted): Compiled {
  const c = compilation(model, dialect, plan.access.kind)
  const { text, finds } = c.parameters.number(textOf(c, plan, wanted), dialect)
  const point = POINT_KINDS.has(plan.kind) || (plan.kind === 'back' && plan.keys.length === 1)
  return { text, finds, point, uses: 0, name: undefined }
}

function textOf(c: Compilation, plan: SelectPlan, wanted: Wanted): string {
  switch (plan.kind) {
    case 'read':
      return readText(c, plan, wanted)
    case 'related':
      return relatedText(c, plan, wanted)
    case 'list':
      return listText(c, plan, wanted)
    case 'back':
      return backText(c, plan, wanted)
  }
}
