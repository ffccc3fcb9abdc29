/** Primary keys: `id: serial` where none is declared, `version` and `is_latest` where the resource is versioned. */
import { ID_COLUMN, LATEST_COLUMN, VERSION_COLUMN } from './columns.js'
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
  draft.columns = new Map([['id', { definition: ID_COLUMN, at: draft.at }], ...draft.columns])
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
  const added: [string, ColumnDraft][] = [VERSION_COLUMN, LATEST_COLUMN].map((definition) => [
    definition.name,
    { definition, at: draft.at },
  ])
  const entries = [...draft.columns]
  const last = entries.findLastIndex(([, { definition }]) => definition.primary)
  draft.columns = new Map([...entries.slice(0, last + 1), ...added, ...entries.slice(last + 1)])
}
