/** Hooks of a release: `release` on the row itself, `clone` on every row that is copied with it. */
import type { Key, PrefixItem, Row } from '../hooks.js'
import type { Resource } from '../model/model.js'
import { planClones } from '../plan/clones.js'
import type { WritePlan } from '../plan/plan.js'
import { planWrite } from '../plan/write.js'
import { keyText } from '../plan/write-shape.js'
import type { Core, Effects, RequestContext } from './core.js'
import { hasHooks, runPrefix } from './hooks/run.js'
import { checkKeyFields } from './release-body.js'
import { collectOriginals, type Original, type Originals } from './release-collect.js'
import type { Release } from './release-context.js'
import type { Copies, Overrides } from './release-copy.js'
import type { Judging } from './write-access.js'
import type { WriteContext } from './write-context.js'
import { type Preview, postfixOf, type Written } from './write-hooks.js'

/** The plan of what the release's own prefix hooks made of the body. */
export async function releasePrefix(
  core: Core,
  request: RequestContext,
  effects: Effects,
  { resource, key, stored, data, write }: Release,
  plan: WritePlan,
  preview: Preview,
): Promise<WritePlan> {
  if (!hasHooks(resource, 'release', 'prefix')) return plan
  await preview(plan)
  const item: PrefixItem = { data, parent: null, via: null, pointer: '', key, stored }
  await runPrefix(core, request, effects, { resource, operation: 'release', items: [item] })
  if (item.data !== data) {
    for (const name of Object.keys(data)) delete data[name]
    Object.assign(data, item.data)
  }
  checkKeyFields(resource, data)
  return planWrite(core.model, write, 'hooked')
}

/** Runs the prefix hooks of the rows that will be copied, level by level; what they gave for the copies. */
export async function clonePrefixes(
  judging: Judging,
  effects: Effects,
  { resource, key }: Release,
  given: ReadonlySet<string>,
): Promise<Overrides> {
  const { core, request, writer, db } = judging
  const plan = planClones(core.model, resource, given)
  const hooked = plan.resources.some(({ name }) => hasHooks(core.model.resource(name), 'clone', 'prefix'))
  const overrides = new Map<string, Map<string, Readonly<Row>>>()
  if (!hooked) return overrides
  const originals = await collectOriginals(
    { model: core.model, writer, db, lock: 'none' },
    plan,
    resource,
    key,
  )
  for (const [child, rows] of byLevel(originals)) {
    if (!hasHooks(child, 'clone', 'prefix')) continue
    const items = rows.map(
      ({ row, via }): PrefixItem => ({ data: {}, parent: null, via, pointer: '', key: null, stored: row }),
    )
    await runPrefix(core, request, effects, { resource: child, operation: 'clone', items })
    const known = overrides.get(child.name) ?? new Map<string, Readonly<Row>>()
    overrides.set(child.name, known)
    rows.forEach((original, index) => {
      known.set(keyText(child, original.key), withoutKey(child, items[index]?.data ?? {}))
    })
  }
  return overrides
}

/** The keys of copies are the runtime's. */
const withoutKey = (resource: Resource, data: Row): Row =>
  Object.fromEntries(
    Object.entries(data).filter(([name]) => !resource.primaryKey.some((column) => column.name === name)),
  )

/** One group for each level and resource, parents first. */
function byLevel(originals: Originals): readonly (readonly [Resource, readonly Original[]])[] {
  const groups = new Map<string, [Resource, Original[]]>()
  const all = [...originals.values()].flatMap((rows) => [...rows.values()])
  for (const original of all.sort((a, b) => a.depth - b.depth)) {
    const name = `${original.depth} ${original.resource.name}`
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [original.resource, [original]])
    else group[1].push(original)
  }
  return [...groups.values()]
}

/** The postfix hooks of the new version, then those of the copies, level by level. */
export async function releasePostfix(
  context: WriteContext,
  { resource, data }: Release,
  next: Key,
  stored: Readonly<Row>,
  originals: Originals,
  copies: Copies,
): Promise<void> {
  await postfixOf(context, resource, 'release', [{ data, key: next, stored }])
  for (const [child, rows] of byLevel(originals)) {
    if (!hasHooks(child, 'clone', 'postfix')) continue
    const clones = new Map(
      (copies.clones.get(child.name) ?? []).map((clone) => [keyText(child, clone.original.key), clone]),
    )
    const written = rows.flatMap((original): Written[] => {
      const clone = clones.get(keyText(child, original.key))
      return clone === undefined ? [] : [{ data: clone.data, key: clone.key, stored: original.row }]
    })
    await postfixOf(context, child, 'clone', written)
  }
}
