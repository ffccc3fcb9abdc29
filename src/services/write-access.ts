/**
 * Verdicts about the rows of a decided tree, before anything is written: static rules for every resource that is reached,
 * the lists of stored rows, and those of the places that new or moved rows will belong to. However large the tree, the
 * database is asked once for each resource.
 */
import { judge, lacking, refusal, ruleOf } from '../access/static.js'
import type { BiodmError } from '../errors.js'
import { admittingPaths } from '../identity.js'
import { reachOf } from '../managers/access.js'
import { AccessChecks } from '../managers/access-checks.js'
import type { Queryable } from '../managers/database.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import type { Core, RequestContext } from './core.js'
import { LINKING, type LinkedCarrier, linkedCarriers, unchangedLinks } from './write-access-links.js'
import { type Place, Places, type Reference, references } from './write-access-places.js'
import type { DecidedRow, Decision } from './write-decide.js'

export interface Judging {
  readonly core: Core
  readonly request: RequestContext
  readonly writer: Writer
  readonly db: Queryable
}

export interface Verdicts {
  /** Positions of stored rows that the caller may not read: they are treated as if they were absent. */
  readonly hidden: ReadonlySet<number>
  /** Foreign keys given as columns whose rows are absent or may not be read: the two are not told apart. */
  readonly dangling: readonly Reference[]
  /** 401 or 403 of the first row that the caller may not write as asked; its pointer is in `errors`. */
  readonly forbidden: BiodmError | null
  /**
   * The same of the first bare key that no row has, which the caller may not create: it counts once the prefix hooks, which
   * may bring the row in, have run.
   */
  readonly unmade: BiodmError | null
}

const OPEN: Verdicts = Object.freeze({
  hidden: new Set<number>(),
  dangling: [],
  forbidden: null,
  unmade: null,
})

const VERBS = { create: 'create', update: 'update', refer: 'read' } as const
type JudgedVerb = (typeof VERBS)[keyof typeof VERBS] | 'release'

/** A row whose own columns and lists stay as they are is merely read, even where the path names it. */
function verbOf({ action, changed, row, verb }: DecidedRow): JudgedVerb {
  if (verb !== undefined) return verb
  const changes = changed.length > 0 || row.virtual || Object.keys(row.lists).length > 0
  return action === 'update' && !changes ? 'read' : VERBS[action]
}

export async function judgeTree(judging: Judging, plan: WritePlan, decision: Decision): Promise<Verdicts> {
  const { core, request } = judging
  if (!core.enforce || request.caller?.admin === true) return OPEN
  return await new Trial(judging, plan, decision).verdicts()
}

/** The judging of one tree: what is asked of the database, then what follows from the answers. */
class Trial {
  readonly #judging: Judging
  readonly #plan: WritePlan
  readonly #decision: Decision
  readonly #checks: AccessChecks
  readonly #places: Places
  readonly #references: readonly Reference[]
  readonly #carriers: readonly LinkedCarrier[]
  readonly #hidden = new Set<number>()
  #unmade: BiodmError | null = null

  constructor(judging: Judging, plan: WritePlan, decision: Decision) {
    const { core, request, writer } = judging
    this.#judging = judging
    this.#plan = plan
    this.#decision = decision
    const paths = admittingPaths(request.caller)
    this.#checks = new AccessChecks(core.model, writer, paths)
    this.#places = new Places(core.model, decision, paths)
    this.#references = references(core.model, decision)
    this.#carriers = linkedCarriers(core.model, plan, decision)
  }

  async verdicts(): Promise<Verdicts> {
    const refused = this.#staticRefusal()
    if (refused !== null) return await this.#refusedBy(refused)
    this.#ask()
    await this.#checks.run(this.#judging.db)
    for (const row of this.#decision.rows) {
      if (row.stored !== null && !this.#passes(row, 'read')) this.#hidden.add(row.position)
    }
    const dangling = this.#references.filter(
      ({ target, key }) => !this.#checks.passesVerb(target, key, 'read'),
    )
    const forbidden = this.#listRefusal(dangling) ?? (await this.#linkRefusal())
    return { hidden: this.#hidden, dangling, forbidden, unmade: this.#unmade }
  }

  /** Even then the path's row is not there for whoever may not read it. */
  async #refusedBy(forbidden: BiodmError): Promise<Verdicts> {
    const named = this.#decision.rows[this.#plan.target?.row ?? -1]
    if (named !== undefined && named.stored !== null && named.row.key !== null) {
      this.#checks.askVerb(named.resource, named.row.key, 'read')
      await this.#checks.run(this.#judging.db)
      if (!this.#passes(named, 'read')) this.#hidden.add(named.position)
    }
    return { hidden: this.#hidden, dangling: [], forbidden, unmade: null }
  }

  #staticRefusal(): BiodmError | null {
    for (const row of this.#decision.rows) {
      const wanted = verbOf(row)
      const verbs = wanted === 'update' ? (['read', wanted] as const) : [wanted]
      for (const verb of verbs) {
        const refused = this.#refusedVerb(row, verb)
        if (refused !== null) return refused
      }
    }
    for (const { target, row } of this.#references) {
      const judgement = this.#judge(target, 'read')
      if (judgement !== 'pass') return refusal(judgement, target.name, 'read', row.row.pointer)
    }
    return null
  }

  #refusedVerb(row: DecidedRow, verb: JudgedVerb): BiodmError | null {
    const { resource } = row
    const { pointer } = row.row
    const judgement = this.#judge(resource, verb, this.#subject(row))
    if (judgement === 'pass') return null
    if (!this.#isBareReference(row)) return refusal(judgement, resource.name, verb, pointer)
    const reading = this.#judge(resource, 'read')
    if (reading !== 'pass') return refusal(reading, resource.name, 'read', pointer)
    this.#notMade(row)
    return null
  }

  /**
   * A bare key inside the tree that no row has, of whoever may not create the row: where lists may hide rows of the resource
   * it is answered like a hidden one, else as what it is, a creation that is refused.
   */
  #notMade({ position, resource, row }: DecidedRow): void {
    if (reachOf(resource, 'read').length > 0) this.#hidden.add(position)
    else this.#unmade ??= this.#lacking(resource, 'create', row.pointer)
  }

  #isBareReference({ action, row, position }: DecidedRow): boolean {
    if (action !== 'create' || row.key === null || row.content) return false
    const { target, answer, nodes } = this.#plan
    return target !== null || !answer.some((node) => nodes[node]?.row === position)
  }

  #judge(resource: Resource, verb: string, subject?: Parameters<typeof judge>[4]) {
    const { core, request } = this.#judging
    return judge(resource, verb, request.caller, core.enforce, subject)
  }

  /** For rules about one's own row: what would change on it. */
  #subject(row: DecidedRow): Parameters<typeof judge>[4] {
    if (verbOf(row) !== 'update' || ruleOf(row.resource, 'update').kind !== 'self_or_admin') return undefined
    const virtual = this.#plan.nodes
      .filter((node) => node.row === row.position)
      .flatMap((node) => Object.keys(node.data))
      .filter((name) => row.resource.columns.get(name)?.virtual === true)
    // Read-only columns are set by hooks alone.
    const changed = row.changed.filter((name) => row.resource.columns.get(name)?.readonly !== true)
    return { key: row.row.key, given: [...changed, ...Object.keys(row.row.lists), ...virtual] }
  }

  #ask(): void {
    for (const row of this.#decision.rows) this.#askRow(row)
    for (const { target, key } of this.#references) this.#checks.askVerb(target, key, 'read')
    for (const { carrier } of this.#carriers) {
      if (carrier.row.key !== null) this.#checks.askVerb(carrier.resource, carrier.row.key, 'update')
    }
  }

  #askRow(row: DecidedRow): void {
    const verb = verbOf(row)
    if (row.stored !== null && row.row.key !== null) {
      this.#checks.askVerb(row.resource, row.row.key, 'read')
      if (verb !== 'read') this.#checks.askVerb(row.resource, row.row.key, verb)
    }
    for (const reach of this.#reachedAnew(row)) {
      const place = this.#places.find(row, reach)
      if (place.kind === 'stored') this.#checks.askReach(place.resource, place.key, place.reach, verb)
    }
  }

  /** Rules that reach a row at the place where it will be: all for a new one, those of changed links for a moved one. */
  #reachedAnew(row: DecidedRow) {
    const verb = verbOf(row)
    if (verb === 'read') return []
    return reachOf(row.resource, verb).filter(
      ({ hops: [hop] }) => hop !== undefined && (row.action === 'create' || this.#places.moved(row, hop)),
    )
  }

  #listRefusal(dangling: readonly Reference[]): BiodmError | null {
    const refused = (row: DecidedRow): boolean => {
      const verb = verbOf(row)
      if (verb === 'read' || this.#hidden.has(row.position)) return false
      const stored = verb === 'create' || this.#passes(row, verb)
      return !stored || !this.#mayBePlaced(row, dangling)
    }
    const bare = new Set(this.#decision.rows.filter((row) => this.#isBareReference(row)))
    for (const row of bare) if (refused(row)) this.#notMade(row)
    const first = this.#decision.rows.find((row) => !bare.has(row) && refused(row))
    return first === undefined ? null : this.#lacking(first.resource, verbOf(first), first.row.pointer)
  }

  #mayBePlaced(row: DecidedRow, dangling: readonly Reference[]): boolean {
    return this.#reachedAnew(row).every((reach) => {
      const hop = reach.hops[0] ?? ''
      // What the caller cannot see is told as missing, whatever its lists say.
      if (dangling.some((reference) => reference.row === row && reference.relation === hop)) return true
      const parent = row.row.parents.find(({ relation }) => relation === hop)
      if (parent !== undefined && this.#hidden.has(parent.from)) return true
      return this.#passesAt(this.#places.find(row, reach), verbOf(row))
    })
  }

  #passesAt(place: Place, verb: string): boolean {
    if (place.kind === 'known') return place.passes
    return this.#checks.passesReach(place.resource, place.key, place.reach, verb)
  }

  /** Only links that are not there yet change anything. */
  async #linkRefusal(): Promise<BiodmError | null> {
    const refused = this.#carriers.filter(({ carrier }) => {
      if (this.#hidden.has(carrier.position) || carrier.stored === null) return false
      const judgement = this.#judge(carrier.resource, 'update', { key: carrier.row.key, given: LINKING })
      return judgement !== 'pass' || !this.#passes(carrier, 'update')
    })
    if (refused.length === 0) return null
    const unchanged = await unchangedLinks(this.#judging, refused, this.#decision)
    const first = refused.find(({ link, to }) => !unchanged.has(link) && !this.#hidden.has(to.position))
    return first === undefined ? null : this.#lacking(first.carrier.resource, 'update', first.pointer)
  }

  #passes(row: DecidedRow, verb: string): boolean {
    return row.row.key === null || this.#checks.passesVerb(row.resource, row.row.key, verb)
  }

  #lacking(resource: Resource, verb: string, pointer: string): BiodmError {
    return refusal(lacking(this.#judging.request.caller), resource.name, verb, pointer)
  }
}
