import { PAGE } from '../admin/groups.js'
import type { RemoteGroup, RemoteUser } from '../admin/shapes.js'
import { mapBounded } from '../concurrency.js'
import type { Admin } from '../manager.js'
import { childPath } from '../paths.js'

/** A group of Keycloak with its path here. */
export interface FoundGroup {
  readonly path: string
  readonly id: string
}

/** Parents whose children are asked for together. */
const PARENTS = 50

type OnSkip = (what: string, reason: string) => void

/**
 * All groups, level by level, in batches. A group whose name cannot be a segment of a path is skipped with everything
 * below it; so is an orphan, which claims a parent but stands at the top.
 */
export async function* allGroups(
  { groups }: Admin,
  signal: AbortSignal,
  onSkip: OnSkip,
): AsyncGenerator<readonly FoundGroup[]> {
  let level: FoundGroup[] = []
  for await (const page of pages((first) => groups.children(null, first))) {
    const found = keep(page, null, onSkip)
    level.push(...found.filter(({ hasChildren }) => hasChildren))
    yield found
  }
  while (level.length > 0) {
    const next: FoundGroup[] = []
    for (let start = 0; start < level.length; start += PARENTS) {
      const lists = await mapBounded(
        level.slice(start, start + PARENTS),
        async (parent) => {
          const children: RemoteGroup[] = []
          for await (const page of pages((first) => groups.children(parent.id, first))) children.push(...page)
          return keep(children, parent.path, onSkip)
        },
        { signal },
      )
      const found = lists.flat()
      next.push(...found.filter(({ hasChildren }) => hasChildren))
      yield found
    }
    level = next
  }
}

function keep(
  groups: readonly RemoteGroup[],
  parent: string | null,
  onSkip: OnSkip,
): (FoundGroup & { readonly hasChildren: boolean })[] {
  return groups.flatMap((group) => {
    if (parent === null && group.parentId !== null) {
      onSkip(`group ${group.path}`, 'its parent is gone')
      return []
    }
    const path = childPath(parent, group.name)
    if (path === null) {
      onSkip(`group ${group.path}`, 'its name cannot be part of a path here')
      return []
    }
    return { path, id: group.id, hasChildren: group.subGroupCount !== 0 }
  })
}

/** All users but service accounts, page by page. */
export async function* allUsers({ users }: Admin): AsyncGenerator<readonly RemoteUser[]> {
  for await (const page of pages((first) => users.page(first))) {
    yield page.filter(({ serviceAccount }) => !serviceAccount)
  }
}

/** User names of a group's own members. */
export async function membersOf({ users }: Admin, groupId: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for await (const page of pages((first) => users.members(groupId, first))) {
    for (const user of page) if (!user.serviceAccount) names.add(user.username)
  }
  return names
}

async function* pages<T>(page: (first: number) => Promise<readonly T[]>): AsyncGenerator<readonly T[]> {
  for (let first = 0; ; first += PAGE) {
    const items = await page(first)
    if (items.length > 0) yield items
    if (items.length < PAGE) return
  }
}
