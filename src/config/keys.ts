/** Primary keys: `id: serial` where none is declared, `version` and `is_latest` where the resource is versioned. */
import { ID_COLUMN, LATEST_COLUMN, VERSION_COLUMN } from './columns.js'
import type { ColumnDefinition } from './definition.js'
import type { ColumnDraft, Draft, Resolving } from './draft.js'

export function completeKeys({ drafts, report }: Resolving): void {
  for (const draft of drafts.values()) {
    addDefaultKey(draft, report.isBroken([...draft.at, 'columns']))
    if (draft.versioned !== false) addVersion(draft, report)
  }
}

function addDefaultKey(draft: Draft, broken: boolean): void {
  if (broken || [...draft.columns.values()].some(({ definition }) => definition.primary)) return
  const own = draft.columns.get('id')
  if (own !== undefined) return
  draft.columns = new Map([['id', added(ID_COLUMN, draft)], ...draft.columns])
}

function addVersion(draft: Draft, report: Resolving['report']): void {
  for (const { name } of [VERSION_COLUMN, LATEST_COLUMN]) {
    const clash = draft.columns.get(name)
    if (clash === undefined) continue
    report.fault(clash.at, `\`versioned\` adds the column \`${name}\` itself`, {
      key: true,
      hint: 'remove this column',
    })
    draft.columns.delete(name)
  }
  const columns = [VERSION_COLUMN, LATEST_COLUMN].map((column): [string, ColumnDraft] => [
    column.name,
    added(column, draft),
  ])
  const entries = [...draft.columns]
  const last = entries.findLastIndex(([, { definition }]) => definition.primary)
  draft.columns = new Map([...entries.slice(0, last + 1), ...columns, ...entries.slice(last + 1)])
}

/** A column that no layer declares: its faults are the resource's. */
const added = (definition: ColumnDefinition, draft: Draft): ColumnDraft => ({
  definition,
  at: draft.at,
  trait: null,
  long: false,
})
