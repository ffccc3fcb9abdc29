/** What the keys of a relation say must fit each other, and the relations together must allow rows to exist. */
import type { Draft, RelationDraft, Resolving } from '../draft.js'
import type { RawRelation } from '../raw.js'
import type { Report } from '../report.js'

export function checkRelations(resolving: Resolving): void {
  const { drafts, report } = resolving
  for (const draft of drafts.values()) {
    for (const relation of draft.relations.values()) {
      checkForm(relation, report)
      checkDelete(draft, relation, report)
      checkDerived(draft, relation, report)
    }
  }
  checkCycles(resolving)
}

type Form = 'to-one' | 'one-to-one inverse' | 'one-to-many' | 'many-to-many'

const FORM_KEYS: Readonly<Record<Form, readonly (keyof RawRelation)[]>> = {
  'to-one': ['one', 'required', 'unique', 'column', 'columns', 'on_delete', 'derived_from'],
  'one-to-one inverse': ['one', 'via'],
  'one-to-many': ['many', 'via'],
  'many-to-many': ['many', 'through'],
}
const COMMON_KEYS: readonly string[] = ['embed', 'description']

function formOf(raw: RawRelation): Form {
  if (raw.one !== undefined) return raw.via === undefined ? 'to-one' : 'one-to-one inverse'
  return raw.through === undefined ? 'one-to-many' : 'many-to-many'
}

function checkForm({ raw, at, trait }: RelationDraft, report: Report): void {
  if (raw.one === undefined && raw.many === undefined) {
    // What was malformed has been told already.
    if (['one', 'many'].some((key) => report.isBroken([...at, key]))) return
    report.fault(at, 'a relation needs `one:` or `many:`', {
      key: true,
      hint: 'write `{ one: Resource }` or `{ many: Resource }`',
    })
    return
  }
  const form = formOf(raw)
  for (const key of strayKeys(raw, form)) {
    const hint = key === 'through' || key === 'many' ? null : HOLDER_HINT
    report.fault(trait === null ? [...at, key] : at, `\`${key}\` means nothing for a ${form} relation`, {
      key: true,
      hint,
    })
  }
  if (raw.column !== undefined && raw.columns !== undefined) {
    report.fault([...at, 'columns'], '`column` and `columns` say the same thing twice', { key: true })
  }
}

function strayKeys(raw: RawRelation, form: Form): string[] {
  const known: readonly string[] = [...FORM_KEYS[form], ...COMMON_KEYS]
  return Object.keys(raw).filter((key) => !known.includes(key))
}

const HOLDER_HINT = 'it belongs to the to-one side, which holds the reference'

function checkDelete(draft: Draft, { raw, at, definition }: RelationDraft, report: Report): void {
  if (raw.on_delete !== 'set_null' || raw.one === undefined) return
  const place = [...at, 'on_delete']
  if (raw.required === true) {
    report.fault(place, '`set_null` on a required relation', {
      hint: 'use `restrict` or `cascade`, or make it optional',
    })
    return
  }
  const pairs = definition?.kind === 'one' ? definition.columns : []
  const fixed = pairs.find(({ column }) => draft.columns.get(column)?.definition.required === true)
  if (fixed !== undefined) report.fault(place, `\`set_null\`, but the column \`${fixed.column}\` is required`)
}

/** A derived relation climbs a path column of the same resource. */
function checkDerived(draft: Draft, { raw, at }: RelationDraft, report: Report): void {
  if (raw.derived_from === undefined) return
  const place = [...at, 'derived_from']
  const column = draft.columns.get(raw.derived_from)?.definition
  const isKey =
    column?.primary === true &&
    column.type === 'string' &&
    [...draft.columns.values()].filter((c) => c.definition.primary).length === 1
  if (raw.one !== draft.name) report.fault(place, 'only a relation of a resource to itself can be derived')
  else if (!isKey)
    report.fault(place, `\`${raw.derived_from}\` must be the primary key of \`${draft.name}\`, and text`)
  else if (raw.required === true)
    report.fault([...at, 'required'], 'a derived relation cannot be required: the topmost rows have none', {
      key: true,
    })
}

/** Rows of a cycle of required to-ones would each need the other first: none could ever be made. */
function checkCycles({ drafts, report }: Resolving): void {
  const done = new Set<string>()
  const visit = (
    draft: Draft,
    trail: readonly { readonly draft: Draft; readonly relation: RelationDraft }[],
  ): void => {
    const start = trail.findIndex((step) => step.draft === draft)
    if (start >= 0) {
      reportCycle(trail.slice(start), report)
      return
    }
    if (done.has(draft.name)) return
    for (const relation of draft.relations.values()) {
      const target = drafts.get(relation.raw.one ?? '')
      if (target === undefined || relation.raw.required !== true || relation.raw.via !== undefined) continue
      visit(target, [...trail, { draft, relation }])
    }
    done.add(draft.name)
  }
  for (const draft of drafts.values()) visit(draft, [])
}

function reportCycle(
  cycle: readonly { readonly draft: Draft; readonly relation: RelationDraft }[],
  report: Report,
): void {
  const [first] = cycle
  if (first === undefined) return
  const names = cycle.map(({ draft, relation }) => `${draft.name}.${relation.name}`).join(' → ')
  report.fault(
    [...first.relation.at, 'required'],
    `a cycle of required relations: ${names} → ${first.draft.name}`,
    {
      key: true,
      hint: 'no row could be the first one: make one of them optional',
    },
  )
}
