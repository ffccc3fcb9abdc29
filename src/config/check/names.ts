/** Names that are taken: by the query grammar, by each other, by JavaScript. */
import type { Draft, Resolving } from '../draft.js'
import type { Report } from '../report.js'

/** Parameters of every list. */
const RESERVED_COLUMNS = ['count', 'fields', 'sort', 'start', 'end', 'q']
/** Columns that every table of PostgreSQL has, and names that SQLite takes for values where it makes up a table. */
const DATABASE_COLUMNS = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', 'true', 'false']
/** Routes below a row. A trait may bring a relation of such a name, when the route is its own. */
const RESERVED_RELATIONS = ['schema', 'release', 'upload', 'access']

/** Members of every JavaScript object, and names that make an object behave like something else. */
const LANGUAGE_NAMES = new Set([...Object.getOwnPropertyNames(Object.prototype), 'then', 'toJSON'])

export function checkNames({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    if (LANGUAGE_NAMES.has(draft.name))
      report.fault(draft.at, `the name \`${draft.name}\` is reserved`, { key: true })
    checkColumnNames(draft, report)
    checkRelationNames(draft, report)
    checkListNames(draft, report)
  }
}

function checkColumnNames(draft: Draft, report: Report): void {
  const seen = new Map<string, string>()
  for (const [name, { at }] of draft.columns) {
    if (RESERVED_COLUMNS.includes(name)) {
      report.fault(at, `a column cannot be called \`${name}\``, {
        key: true,
        hint: 'it is a parameter of every list',
      })
    } else if (DATABASE_COLUMNS.includes(name.toLowerCase())) {
      report.fault(at, `a column cannot be called \`${name}\``, {
        key: true,
        hint: 'the databases use the name themselves',
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
