/** Tables: one owner each, none of ours, and names that both databases keep whole. */
import type { Draft, RelationDraft, Resolving } from '../draft.js'
import type { Path } from '../source.js'

/** PostgreSQL cuts longer names, silently. */
const MAX_NAME = 63
const RESERVED = /^(biodm|sqlite|pg)_/i
/** Tables of ours that stand beside a resource's, by what they are for. */
const LIST_ENTRY = 'biodm_list_entry_'
const ENTITY = 'biodm_entity_'

export function checkTables(resolving: Resolving): void {
  const tables = new Tables(resolving)
  for (const draft of resolving.drafts.values()) tables.takeOwn(draft)
  for (const draft of resolving.drafts.values()) {
    for (const relation of draft.relations.values()) tables.takeAssociation(draft, relation)
    checkColumnNames(draft, resolving)
  }
}

/** Names are compared as SQLite does: without regard to case. */
class Tables {
  readonly #resolving: Resolving
  readonly #taken = new Map<string, string>()

  constructor(resolving: Resolving) {
    this.#resolving = resolving
  }

  takeOwn(draft: Draft): void {
    const named = draft.raw.table !== undefined && draft.origin !== 'plugin'
    const at = named ? [...draft.at, 'table'] : draft.at
    if (draft.origin !== 'plugin') this.#checkReserved(draft.table, at, !named)
    this.#take(draft.table, `that of \`${draft.name}\``, at, !named)
    const beside = draft.rawPermissions.length > 0 ? LIST_ENTRY : draft.versioned === false ? '' : ENTITY
    const room = MAX_NAME - beside.length
    if (draft.table.length > room) {
      this.#resolving.report.fault(
        at,
        `the table name \`${draft.table}\` is longer than ${room} characters`,
        {
          key: !named,
          hint: beside === '' ? null : `a table \`${beside}…\` stands beside it`,
        },
      )
    }
  }

  takeAssociation(draft: Draft, { raw, at, name, definition }: RelationDraft): void {
    if (definition?.kind !== 'through' || !definition.owner || raw.through === undefined) return
    const place = [...at, 'through']
    if (draft.origin === 'config') this.#checkReserved(raw.through, place, false)
    this.#take(raw.through, `the association of \`${draft.name}.${name}\``, place, false)
    const columns = [...definition.own, ...definition.other].map(({ column }) => column.toLowerCase())
    if (new Set(columns).size < columns.length) {
      this.#resolving.report.fault(
        at,
        'both sides of the association would have the same columns: rename the relation',
        { key: true },
      )
    }
    for (const column of columns) {
      if (column.length > MAX_NAME) this.#resolving.report.fault(at, tooLong(column), { key: true })
    }
  }

  #take(table: string, owner: string, at: Path, key: boolean): void {
    const other = this.#taken.get(table.toLowerCase())
    if (other !== undefined) {
      const hint = key ? 'give it another `table:`' : null
      this.#resolving.report.fault(at, `the table \`${table}\` is ${other} already`, { key, hint })
    }
    this.#taken.set(table.toLowerCase(), owner)
  }

  #checkReserved(table: string, at: Path, key: boolean): void {
    if (!RESERVED.test(table)) return
    this.#resolving.report.fault(at, `the table name \`${table}\` is reserved`, {
      key,
      hint: 'biodm_, sqlite_ and pg_ are taken',
    })
  }
}

/** Declared columns are checked by the grammar: this is about foreign keys. */
function checkColumnNames(draft: Draft, { report }: Resolving): void {
  for (const [name, { at }] of draft.columns) {
    if (name.length > MAX_NAME) report.fault(at, tooLong(name), { key: true, hint: 'name it by `column:`' })
  }
}

const tooLong = (name: string): string => `the column name \`${name}\` is longer than ${MAX_NAME} characters`
