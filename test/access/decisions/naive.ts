/** Page "who may do what" as slowly and plainly as possible: every question walks the whole world from the carriers down. */
import type { Permission, ResourceName, Rule, Who, World, WorldRow } from './world.js'

export type Verb = 'read' | 'create' | 'update' | 'delete'
export type Verdict = 'pass' | 401 | 403

const below = (path: string, allowed: string): boolean => path === allowed || path.startsWith(`${allowed}__`)

const member = (who: Who, allowed: readonly string[]): boolean =>
  who?.groups.some((path) => allowed.some((each) => below(path, each))) ?? false

export function rulePasses(rule: Rule, who: Who): boolean {
  if (rule === 'public') return true
  if (rule === 'authenticated') return who !== null
  return rule === 'admin' ? false : member(who, rule)
}

export function lacks(who: Who): 401 | 403 {
  return who === null ? 401 : 403
}

export function judge(world: World, resource: ResourceName, verb: Verb, who: Who): Verdict {
  return rulePasses(world.config.access[resource][verb] ?? 'public', who) ? 'pass' : lacks(who)
}

const CHILDREN: Readonly<Record<string, ResourceName>> = { datasets: 'Dataset', files: 'File' }

/** The rows at the end of a path, starting from one row. */
function ends(world: World, carrier: WorldRow, path: string): readonly (readonly [ResourceName, WorldRow])[] {
  let current: (readonly [ResourceName, WorldRow])[] = [['Project', carrier]]
  for (const step of path.split('.')) {
    const child = CHILDREN[step]
    if (child === undefined) throw new Error(`no path ${path}`)
    current = current.flatMap(([, row]) =>
      [...world.rows[child].values()]
        .filter(({ parent }) => parent === row.id)
        .map((row) => [child, row] as const),
    )
  }
  return current
}

function reaches(
  world: World,
  { key, propagate }: Permission,
  carrierName: ResourceName,
  carrier: WorldRow,
  resource: ResourceName,
  row: WorldRow,
): boolean {
  if (key === 'self') return carrierName === resource && carrier === row
  return [key, ...propagate.map((more) => `${key}.${more}`)].some((path) =>
    ends(world, carrier, path).some(([name, end]) => name === resource && end === row),
  )
}

/** Every rule that reaches the row passes. */
export function listsPass(
  world: World,
  resource: ResourceName,
  row: WorldRow,
  verb: Verb,
  who: Who,
): boolean {
  const wanted = verb === 'read' ? 'read' : 'write'
  for (const carrierName of ['Project', 'Dataset', 'File'] as const) {
    for (const permission of world.config.permissions[carrierName]) {
      if (!permission.verbs.includes(wanted)) continue
      for (const carrier of world.rows[carrierName].values()) {
        const list = carrier.lists[permission.key]?.[wanted] ?? []
        if (list.length === 0 || member(who, list)) continue
        if (reaches(world, permission, carrierName, carrier, resource, row)) return false
      }
    }
  }
  return true
}

export const mayRead = (world: World, resource: ResourceName, row: WorldRow, who: Who): boolean =>
  judge(world, resource, 'read', who) === 'pass' && listsPass(world, resource, row, 'read', who)

/** In the order of the keys. */
export const readable = (world: World, resource: ResourceName, who: Who): WorldRow[] =>
  [...world.rows[resource].values()]
    .filter((row) => mayRead(world, resource, row, who))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/** The same question with the row as it would be: added to the world, or moved, for the time of the question. */
export function passesAt(
  world: World,
  resource: ResourceName,
  row: WorldRow,
  parent: number | null,
  verb: Verb,
  who: Who,
): boolean {
  const known = world.rows[resource].get(row.id)
  const before = row.parent
  world.rows[resource].set(row.id, row)
  row.parent = parent
  const passes = listsPass(world, resource, row, verb, who)
  row.parent = before
  if (known === undefined) world.rows[resource].delete(row.id)
  return passes
}
