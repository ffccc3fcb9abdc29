/** Names that are taken: by the query grammar, by routes, by each other, by JavaScript. */
import type { Draft, Resolving } from '../draft.js'
import type { Report } from '../report.js'
import type { Path } from '../source.js'

/** Parameters of every list. */
const RESERVED_COLUMNS = ['count', 'fields', 'sort', 'start', 'end', 'q']
/** Routes below a row. A trait may bring a relation of such a name, when the route is its own. */
const RESERVED_RELATIONS = ['schema', 'release', 'upload', 'access']
/** Routes of the server itself. */
export const ROOT_PATHS = ['live', 'ready', 'schema', 'swagger', 'metrics', '_objects']

/** Members of every JavaScript object, and names that make an object behave like something else. */
const LANGUAGE_NAMES = new Set([...Object.getOwnPropertyNames(Object.prototype), 'then', 'toJSON'])

export function checkNames(resolving: Resolving): void {
  const { drafts, report } = resolving
  for (const draft of drafts.values()) {
    if (LANGUAGE_NAMES.has(draft.name))
      report.fault(draft.at, `the name \`${draft.name}\` is reserved`, { key: true })
    checkColumnNames(draft, report)
    checkRelationNames(draft, report)
    checkListNames(draft, report)
    checkTraitRoutes(draft, report)
  }
  checkPaths(resolving)
  checkTables(resolving)
}

function checkColumnNames(draft: Draft, report: Report): void {
  const seen = new Map<string, string>()
  for (const [name, { at }] of draft.columns) {
    if (RESERVED_COLUMNS.includes(name)) {
      report.fault(at, `a column cannot be called \`${name}\``, {
        key: true,
        hint: 'it is a parameter of every list',
      })
    } else if (LANGUAGE_NAMES.has(name)) report.fault(at, `the name \`${name}\` is reserved`, { key: true })
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined)
      report.fault(at, `columns \`${twin}\` and \`${name}\` differ in case only`, { key: true })
    seen.set(name.toLowerCase(), name)
  }
}

function checkRelationNames(draft: Draft, report: Report): void {
  for (const [name, { at, trait }] of draft.relations) {
    if (trait === null && RESERVED_RELATIONS.includes(name)) {
      report.fault(at, `a relation cannot be called \`${name}\``, {
        key: true,
        hint: `/${draft.path}/{id}/${name} is a route of its own`,
      })
    } else if (LANGUAGE_NAMES.has(name)) report.fault(at, `the name \`${name}\` is reserved`, { key: true })
    if (draft.columns.has(name))
      report.fault(at, `\`${name}\` is both a column and a relation`, {
        key: true,
        hint: 'rename one of them',
      })
  }
}

/** `perm_…` fields share the object with columns and relations. */
function checkListNames(draft: Draft, report: Report): void {
  const seen = new Map<string, string>()
  for (const { key, at } of draft.rawPermissions) {
    const field = `perm_${key.replaceAll('.', '_')}`
    const other = draft.columns.has(field)
      ? 'a column'
      : draft.relations.has(field)
        ? 'a relation'
        : seen.get(field)
    if (other !== undefined)
      report.fault(at, `the field \`${field}\` of this permission is ${other} already`, { key: true })
    seen.set(field, `that of \`${key}\``)
  }
}

/** `/{id}/download` of a trait and a relation `download` would be one route. */
function checkTraitRoutes(draft: Draft, report: Report): void {
  const taken = new Map<string, string>()
  for (const { name, trait, at } of draft.traits) {
    for (const { path, method } of trait.routes ?? []) {
      const [, , segment = '', ...rest] = path.split('/')
      const relation = draft.relations.get(segment)
      if (relation !== undefined && relation.trait !== name && rest.length === 0) {
        report.fault(
          relation.at,
          `trait \`${name}\` has a route /${draft.path}/{id}/${segment}: the relation needs another name`,
          { key: true },
        )
      }
      const route = `${method} ${path}`
      const other = taken.get(route)
      if (other !== undefined)
        report.fault(
          at,
          `traits \`${other}\` and \`${name}\` both have the route ${method} /${draft.path}${path.replace('/:id', '/{id}')}`,
        )
      taken.set(route, name)
    }
  }
}

function checkPaths({ drafts, plugins, report }: Resolving): void {
  const taken = new Map<string, string>(ROOT_PATHS.map((path) => [path, 'a route of the server']))
  for (const { plugin } of plugins) {
    for (const { path } of plugin.routes ?? [])
      taken.set(path.split('/')[1] ?? '', `a route of the plugin \`${plugin.name}\``)
  }
  for (const draft of drafts.values()) {
    if (draft.internal) continue
    const other = taken.get(draft.path)
    const at = draft.raw.path === undefined ? draft.at : [...draft.at, 'path']
    if (other !== undefined) {
      const hint = draft.raw.path === undefined ? 'give it another `path:`' : null
      report.fault(at, `/${draft.path} is ${other} already`, { key: draft.raw.path === undefined, hint })
    }
    taken.set(draft.path, `the path of \`${draft.name}\``)
  }
}

/** Table names are compared as SQLite does: without regard to case. */
function checkTables({ drafts, report }: Resolving): void {
  const taken = new Map<string, string>()
  const take = (table: string, owner: string, at: Path, key: boolean): void => {
    const other = taken.get(table.toLowerCase())
    if (other !== undefined)
      report.fault(at, `the table \`${table}\` is ${other} already`, {
        key,
        hint: key ? 'give it another `table:`' : null,
      })
    taken.set(table.toLowerCase(), owner)
  }
  for (const draft of drafts.values()) {
    const own = draft.raw.table !== undefined && draft.origin !== 'plugin'
    const at = own ? [...draft.at, 'table'] : draft.at
    if (draft.origin !== 'plugin' && /^(biodm|sqlite|pg)_/i.test(draft.table)) {
      report.fault(at, `the table name \`${draft.table}\` is reserved`, {
        key: !own,
        hint: 'biodm_, sqlite_ and pg_ are taken',
      })
    }
    take(draft.table, `that of \`${draft.name}\``, at, !own)
  }
  for (const draft of drafts.values()) {
    for (const { raw, at, name, definition } of draft.relations.values()) {
      if (definition?.kind !== 'through' || !definition.owner || raw.through === undefined) continue
      const place = [...at, 'through']
      if (/^(biodm|sqlite|pg)_/i.test(raw.through) && draft.origin === 'config') {
        report.fault(place, `the table name \`${raw.through}\` is reserved`, {
          hint: 'biodm_, sqlite_ and pg_ are taken',
        })
      }
      take(raw.through, `the association of \`${draft.name}.${name}\``, place, false)
    }
  }
}
