/**
 * Why a caller may or may not do something, rule by rule: `GET /{resource}/{id}/access` shows the rules of a row, `biodm can`
 * a decision about one caller.
 */
import { intersection } from '../access/paths.js'
import { demand, judge, lacking, refusal, ruleOf } from '../access/static.js'
import type { AccessRule } from '../config/definition.js'
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import { admittingPaths, type Caller } from '../identity.js'
import { listVerb, reachOf } from '../managers/access.js'
import { type ReachedLists, reachedLists } from '../managers/access-explain.js'
import { lookupStatement } from '../managers/mutate/lookup.js'
import { formatKey, rowPath } from '../model/format-key.js'
import type { Resource } from '../model/model.js'
import type { Answer, Core, RequestContext } from './core.js'
import type { Judging } from './write-access.js'
import { passingKeys } from './write-access-rows.js'
import { writerOf } from './write-context.js'

/** One list that decides about a row. */
export interface ListReport {
  readonly resource: string
  /** Of the row that carries the list; null where the caller may not read it. */
  readonly key: string | null
  /** Its path. */
  readonly row: string | null
  readonly field: string
  readonly verb: string
  readonly groups: readonly string[]
}

/** What decides about one verb of a row. */
export interface VerbReport {
  readonly rule:
    | 'public'
    | 'authenticated'
    | 'admin'
    | readonly string[]
    | { readonly self: readonly string[] }
  readonly lists: readonly ListReport[]
  /**
   * Groups whose members, and those of their descendants, pass everything that this verb needs, `read` included; null: no
   * group is needed.
   */
  readonly groups: readonly string[] | null
}

/** `GET /{resource}/{id}/access`: for whoever may update the row. */
export async function readAccess(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
): Promise<Answer> {
  const { caller } = request
  demand(resource, 'read', caller, core.enforce)
  demand(resource, 'update', caller, core.enforce, { key, given: ['*'] })
  const db = request.joined?.transaction ?? core.database
  const judging = { core, request, writer: writerOf(core), db }
  if ((await passingKeys(judging, resource, 'read', [key])).size === 0) {
    throw new BiodmError('not_found', `There is no such ${resource.name}`)
  }
  if ((await passingKeys(judging, resource, 'update', [key])).size === 0) {
    throw refusal(lacking(caller), resource.name, 'update')
  }
  const reached = await reachedBy(core, resource, key)
  return { status: 200, body: report(core, resource, reached, await readableCarriers(judging, reached)) }
}

/** Those whose carrier the caller may read: of others neither key nor path is told. */
async function readableCarriers(
  judging: Judging,
  reached: readonly ReachedLists[],
): Promise<ReadonlySet<ReachedLists>> {
  const { core, request } = judging
  const readable = new Set<ReachedLists>()
  for (const each of reached) {
    const { reach, carrier } = each
    if (carrier === null) continue
    const owner = core.model.resource(reach.rule.carrier)
    if (judge(owner, 'read', request.caller, core.enforce) !== 'pass') continue
    if ((await passingKeys(judging, owner, 'read', [carrier])).size > 0) readable.add(each)
  }
  return readable
}

async function reachedBy(core: Core, resource: Resource, key: Key): Promise<readonly ReachedLists[]> {
  const found: ReachedLists[] = []
  for (const reach of resource.reach) {
    found.push(await reachedLists(core.model, writerOf(core), core.database, resource, key, reach))
  }
  return found
}

/** Verbs of stored rows: a new row is judged where it will be. */
const rowVerbs = (resource: Resource): readonly string[] =>
  [...resource.access.keys()].filter(
    (verb) => verb !== 'create' && (verb !== 'release' || resource.versioned !== false),
  )

function report(
  core: Core,
  resource: Resource,
  reached: readonly ReachedLists[],
  readable: ReadonlySet<ReachedLists>,
): Readonly<Record<string, VerbReport>> {
  const read = needed(core, resource, reached, 'read')
  return Object.fromEntries(
    rowVerbs(resource).map((verb) => [
      verb,
      {
        rule: shown(ruleOf(resource, verb)),
        lists: listReports(core, resource, reached, verb, readable),
        groups: intersection(read, needed(core, resource, reached, verb)),
      },
    ]),
  )
}

function needed(
  core: Core,
  resource: Resource,
  reached: readonly ReachedLists[],
  verb: string,
): readonly string[] | null {
  const lists = listReports(core, resource, reached, verb, new Set()).map(({ groups }) => groups)
  return lists.reduce(intersection, ruleGroups(core, ruleOf(resource, verb)))
}

function ruleGroups(core: Core, rule: AccessRule): readonly string[] | null {
  if (rule.kind === 'groups') return rule.paths
  return rule.kind === 'admin' || rule.kind === 'self_or_admin'
    ? [core.model.definition.server.adminGroup]
    : null
}

function shown(rule: AccessRule): VerbReport['rule'] {
  if (rule.kind === 'groups') return rule.paths
  return rule.kind === 'self_or_admin' ? { self: rule.columns } : rule.kind
}

function listReports(
  core: Core,
  resource: Resource,
  reached: readonly ReachedLists[],
  verb: string,
  readable: ReadonlySet<ReachedLists>,
): readonly ListReport[] {
  const rules = new Set(reachOf(resource, verb))
  return reached.flatMap((each) => {
    const { reach, carrier, lists } = each
    const groups = lists.get(listVerb(verb))
    if (!rules.has(reach) || carrier === null || groups === undefined) return []
    const owner = core.model.resource(reach.rule.carrier)
    const shown = readable.has(each)
    return [
      {
        resource: owner.name,
        key: shown ? formatKey(owner, carrier) : null,
        row: shown ? rowPath(owner, carrier) : null,
        field: reach.rule.field,
        verb: listVerb(verb),
        groups,
      },
    ]
  })
}

/** One reason of a decision. */
export interface Reason {
  readonly passes: boolean
  readonly text: string
}

export interface Explanation {
  readonly allowed: boolean
  readonly reasons: readonly Reason[]
}

/** Whether `caller` may `verb` a row, or, with `key` null, rows of a resource as far as static rules go. */
export async function explain(
  core: Core,
  caller: Caller,
  resource: Resource,
  key: Key | null,
  verb: string,
): Promise<Explanation> {
  if (!core.enforce) {
    return { allowed: true, reasons: [{ passes: true, text: 'access rules are not enforced' }] }
  }
  if (caller?.admin === true) {
    const group = core.model.definition.server.adminGroup
    return { allowed: true, reasons: [{ passes: true, text: `a member of "${group}" passes every check` }] }
  }
  if (key !== null && !(await exists(core, resource, key))) {
    return { allowed: false, reasons: [{ passes: false, text: 'the row does not exist' }] }
  }
  const verbs = key === null || verb === 'read' ? [verb] : ['read', verb]
  const reasons = verbs.map((each) => staticReason(core, caller, resource, each, key))
  if (key !== null) {
    const reached = await reachedBy(core, resource, key)
    for (const each of verbs) reasons.push(...listReasons(core, caller, resource, reached, each))
  }
  return { allowed: reasons.every(({ passes }) => passes), reasons }
}

async function exists(core: Core, resource: Resource, key: Key): Promise<boolean> {
  const { table, primaryKey } = resource
  const source = { table, columns: primaryKey }
  const lookup = lookupStatement(writerOf(core), resource, [key], 'none', primaryKey, source)
  return (await core.database.query(lookup)).length > 0
}

function staticReason(core: Core, caller: Caller, resource: Resource, verb: string, key: Key | null): Reason {
  const subject = key === null ? undefined : { key, given: [] }
  const passes = judge(resource, verb, caller, core.enforce, subject) === 'pass'
  const rule = shown(ruleOf(resource, verb))
  const said = typeof rule === 'string' ? rule : Array.isArray(rule) ? rule.join(', ') : 'oneself or admin'
  const login =
    verb === 'create' && resource.createNeedsLogin ? ' (and a login: it stores who creates it)' : ''
  return { passes, text: `${resource.name}.access.${verb} is ${said}${login}` }
}

function listReasons(
  core: Core,
  caller: Caller,
  resource: Resource,
  reached: readonly ReachedLists[],
  verb: string,
): readonly Reason[] {
  const rules = new Set(reachOf(resource, verb))
  return reached
    .filter(({ reach }) => rules.has(reach))
    .map(({ reach, carrier, lists }): Reason => {
      const owner = core.model.resource(reach.rule.carrier)
      const name = `${reach.rule.field} of ${owner.name}`
      if (carrier === null)
        return { passes: true, text: `${name} does not reach the row: a relation on the way is empty` }
      const groups = lists.get(listVerb(verb))
      const place = `${reach.rule.field} of ${rowPath(owner, carrier)}`
      if (groups === undefined) return { passes: true, text: `${place} has no list for ${listVerb(verb)}` }
      const passes = admittingPaths(caller).some((path) => groups.includes(path))
      return { passes, text: `${place} lists ${groups.join(', ')} for ${listVerb(verb)}` }
    })
}
