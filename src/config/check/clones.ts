/** A release clones the children of the released row: what must be unique has to differ between original and clone. */
import { type Draft, keyColumns, type Resolving } from '../draft.js'

export function checkClones({ drafts, report }: Resolving): void {
  const said = new Set<string>()
  for (const root of drafts.values()) {
    if (root.versioned === false) continue
    const visited = new Set<string>()
    const visit = (parent: Draft, changed: ReadonlySet<string>, trail: string): void => {
      for (const { definition } of parent.relations.values()) {
        if (definition?.kind !== 'many' && definition?.kind !== 'inverse_one') continue
        const child = drafts.get(definition.target)
        if (child === undefined || child === root) continue
        const moved = definition.columns
          .filter(({ references }) => changed.has(references))
          .map(({ column }) => column)
        const fresh = new Set([...moved, ...generatedKeys(child)])
        const route = `${trail}.${definition.name}`
        const visit_ = `${child.name} ${[...fresh].sort().join()}`
        if (visited.has(visit_)) continue
        visited.add(visit_)
        judge(child, fresh, route)
        visit(child, fresh, route)
      }
    }
    const judge = (child: Draft, fresh: ReadonlySet<string>, route: string): void => {
      for (const { columns, what, at } of uniques(child)) {
        const key = `${child.name} ${columns.join()}`
        if (columns.some((column) => fresh.has(column)) || said.has(key)) continue
        said.add(key)
        report.fault(
          at,
          `${what} (${columns.join(', ')}) would be violated when a release of \`${root.name}\` clones \`${route}\``,
          {
            hint: `add the relation to its parent to it${what.startsWith('the key') ? ', or use a generated key' : ''}`,
          },
        )
      }
    }
    visit(root, new Set(['version']), root.name)
  }
}

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
    { columns: key.map(({ name }) => name), what: 'the key', at: keyAt },
    ...single.map(({ definition, at, long }) => ({
      columns: [definition.name],
      what: 'a `unique`',
      at: long ? [...at, 'unique'] : at,
    })),
    ...draft.uniqueColumns.map(({ columns, at }) => ({ columns, what: 'a `unique`', at })),
  ]
}
