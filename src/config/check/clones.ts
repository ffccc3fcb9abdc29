/** A release clones the children of the released row: what must be unique has to differ between original and clone. */
import { type Draft, keyColumns, type Resolving } from '../draft.js'

export function checkClones(resolving: Resolving): void {
  const said = new Set<string>()
  for (const root of resolving.drafts.values()) {
    if (root.versioned !== false) walkClones(root, resolving, (clone) => judge(root, clone, said, resolving))
  }
}

interface Clone {
  readonly draft: Draft
  /** Columns whose values differ from the original's. */
  readonly fresh: ReadonlySet<string>
  /** `Dataset.files`. */
  readonly route: string
}

/** Follows the one-to-many relations that a release of `root` copies, once for each set of columns that change. */
function walkClones(root: Draft, { drafts }: Resolving, seen: (clone: Clone) => void): void {
  const visited = new Set<string>()
  const waiting: Clone[] = [{ draft: root, fresh: new Set(['version']), route: root.name }]
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    for (const { definition } of parent.draft.relations.values()) {
      if (definition === null || !('via' in definition)) continue
      const child = drafts.get(definition.target)
      if (child === undefined) continue
      const { fresh: changed } = parent
      const moved = definition.columns.filter(({ references }) => changed.has(references))
      const fresh = new Set([...moved.map(({ column }) => column), ...generatedKeys(child)])
      const visit = `${child.name} ${[...fresh].sort().join()}`
      if (visited.has(visit)) continue
      visited.add(visit)
      const clone = { draft: child, fresh, route: `${parent.route}.${definition.name}` }
      seen(clone)
      waiting.push(clone)
    }
  }
}

function judge(root: Draft, { draft, fresh, route }: Clone, said: Set<string>, { report }: Resolving): void {
  for (const { columns, what, at } of uniques(draft)) {
    const key = `${draft.name} ${columns.join()}`
    if (columns.some((column) => fresh.has(column)) || said.has(key)) continue
    said.add(key)
    const hint = `add the relation to its parent to it${what === KEY ? ', or use a generated key' : ''}`
    report.fault(
      at,
      `${what} (${columns.join(', ')}) would be violated when a release of \`${root.name}\` clones \`${route}\``,
      { hint },
    )
  }
}

const KEY = 'the key'

function generatedKeys(draft: Draft): string[] {
  return keyColumns(draft)
    .filter(({ generated, default: given }) => generated || given?.kind === 'uuid')
    .map(({ name }) => name)
}

function uniques(draft: Draft) {
  const key = keyColumns(draft)
  const keyAt = draft.columns.get(key[0]?.name ?? '')?.at ?? draft.at
  const single = [...draft.columns.values()].filter(({ definition }) => definition.unique)
  return [
    { columns: key.map(({ name }) => name), what: KEY, at: keyAt },
    ...single.map(({ definition, at, long }) => ({
      columns: [definition.name],
      what: 'a `unique`',
      at: long ? [...at, 'unique'] : at,
    })),
    ...draft.uniqueColumns.map(({ columns, at }) => ({ columns, what: 'a `unique`', at })),
  ]
}
