/** Static rules and permission lists: verbs, groups, and somebody who can tell who is asking. */
import { groupPathFault } from '../../identity.js'
import type { Draft, Resolving } from '../draft.js'
import type { RawConfig } from '../raw.js'
import type { Report } from '../report.js'
import { followMany } from '../rules.js'
import type { Path } from '../source.js'
import { didYouMean } from '../suggest.js'

export function checkAccess(resolving: Resolving, raw: RawConfig): void {
  for (const draft of resolving.drafts.values()) {
    checkRules(draft, resolving)
    for (const permission of draft.rawPermissions) checkPermission(draft, permission, resolving)
  }
  checkGroup(raw.server?.admin_group ?? 'admin', ['server', 'admin_group'], resolving.report)
  checkAuthenticators(resolving, raw)
}

const VERBS = ['read', 'create', 'update', 'delete']

/** Verbs of static rules: those of every resource, `release` on versioned ones, those of traits. */
export function ruleVerbs(draft: Draft): string[] {
  return [...VERBS, ...(draft.versioned === false ? [] : ['release']), ...traitVerbs(draft)]
}

const traitVerbs = (draft: Draft): string[] => draft.traits.flatMap(({ trait }) => trait.verbs ?? [])

function checkRules(draft: Draft, { report }: Resolving): void {
  const verbs = ruleVerbs(draft)
  for (const [verb, { rule, at }] of draft.access) {
    if (!verbs.includes(verb) && !draft.partial)
      report.fault(at, `unknown verb \`${verb}\``, { key: true, hint: verbHint(verb, verbs) })
    if (rule.kind === 'groups')
      for (const [index, path] of rule.paths.entries()) checkGroup(path, [...at, String(index)], report)
    if (rule.kind === 'self_or_admin') checkSelf(draft, verb, rule.columns, at, report)
  }
}

function verbHint(verb: string, verbs: readonly string[]): string | null {
  if (verb === 'write') return 'write `create` and `update`'
  if (verb === 'list') return '`read` covers lists'
  if (verb === 'release') return 'only versioned resources are released'
  return didYouMean(verb, verbs, 'verbs')
}

function checkSelf(draft: Draft, verb: string, columns: readonly string[], at: Path, report: Report): void {
  if (draft.name !== 'User' || verb !== 'update') {
    report.fault(at, '`self` is for `update` of `User` only')
    return
  }
  for (const [index, name] of columns.entries()) {
    if (draft.columns.has(name) || draft.partial) continue
    report.fault([...at, 'self', String(index)], `unknown column \`${name}\``, {
      hint: didYouMean(name, [...draft.columns.keys()], 'columns'),
    })
  }
}

function checkGroup(path: string, at: Path, report: Report): void {
  const fault = groupPathFault(path)
  if (fault === null) return
  const hint = path.includes('/')
    ? `write \`${path.replace(/^\/|\/$/g, '').replaceAll('/', '__')}\``
    : 'levels are joined by `__`'
  report.fault(at, `\`${path}\` is not the path of a group: ${fault}`, { hint })
}

function checkPermission(
  draft: Draft,
  permission: Draft['rawPermissions'][number],
  { drafts, report }: Resolving,
): void {
  const { key, raw, at } = permission
  const own = key === 'self' ? [] : key.split('.')
  const paths = [own, ...(raw.propagate ?? []).map((more) => [...own, ...more.split('.')])]
  const ends = paths.map((path) => followMany(draft, path, drafts)).filter((end) => typeof end !== 'string')
  const verbs = ['read', 'write', ...new Set(ends.flatMap(traitVerbs))]
  // Where a chain leads nowhere, nobody knows the verbs at its end.
  const unsure = ends.length < paths.length || ends.some(({ partial }) => partial)
  for (const [index, verb] of raw.verbs.entries()) {
    const fault = key === 'self' && verb === 'write' ? SELF_WRITE : verbFault(verb, verbs, unsure)
    if (fault !== null) report.fault([...at, 'verbs', String(index)], fault.message, { hint: fault.hint })
  }
}

const SELF_WRITE = {
  message: 'a `self` permission cannot name `write`',
  hint: 'use `access:` for who may write',
}

function verbFault(
  verb: string,
  verbs: readonly string[],
  unsure: boolean,
): { message: string; hint: string | null } | null {
  if (verbs.includes(verb)) return null
  if (COVERED.includes(verb)) return { message: `unknown verb \`${verb}\``, hint: '`write` covers it' }
  return unsure ? null : { message: `unknown verb \`${verb}\``, hint: didYouMean(verb, verbs, 'verbs') }
}

const COVERED = ['create', 'update', 'delete', 'release']

const WAYS_OUT =
  'load an authenticator (`plugins: { accounts: {} }` or `plugins: { keycloak: … }`), or write `auth: off` to open everything'

/** Fail closed: rules that nobody could enforce stop the start. */
function checkAuthenticators(resolving: Resolving, raw: RawConfig): void {
  const { plugins, failed, report } = resolving
  const authenticators = plugins.filter(({ plugin }) => plugin.authenticate !== undefined)
  if (authenticators.length > 0 || raw.auth === 'off' || failed.length > 0) return
  const rules = ownRules(resolving)
  const [first] = rules
  if (first !== undefined) {
    const names = rules.map(({ name }) => name).join(', ')
    report.fault(first.at, `nothing tells who is asking, so these rules would protect nothing: ${names}`, {
      key: true,
      hint: WAYS_OUT,
    })
  }
  if (raw.server?.require_auth === true) {
    report.fault(['server', 'require_auth'], 'nothing tells who is asking, so nobody could ever pass', {
      key: true,
      hint: WAYS_OUT,
    })
  }
}

function ownRules({ drafts }: Resolving): { readonly name: string; readonly at: Path }[] {
  return [...drafts.values()].flatMap((draft) => [
    ...[...draft.access]
      .filter(([, { builtin }]) => !builtin)
      .map(([verb, { at }]) => ({ name: `${draft.name}.access.${verb}`, at })),
    ...draft.rawPermissions
      .filter(({ builtin }) => !builtin)
      .map(({ key, at }) => ({ name: `${draft.name}.permissions.${key}`, at })),
  ])
}
