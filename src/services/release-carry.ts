/** The transaction of a release. */
import { BiodmError } from '../errors.js'
import type { Row } from '../hooks.js'
import { copyListSteps } from '../managers/access-lists.js'
import { lookupRows, storedColumns } from '../managers/mutate/lookup.js'
import { insertStep, updateStep } from '../managers/mutate/rows.js'
import { runSteps, type Step } from '../managers/mutate/step.js'
import type { Resource } from '../model/model.js'
import { type ClonePlan, planClones } from '../plan/clones.js'
import { isTarget, type WritePlan } from '../plan/plan.js'
import { planWrite } from '../plan/write.js'
import { keyText } from '../plan/write-shape.js'
import { historySteps } from './history.js'
import { hasHooks } from './hooks/run.js'
import { refuseExistingChildren, suppliedRelations } from './release-body.js'
import { collectOriginals, columnsNamed, type Originals } from './release-collect.js'
import { lastVersion, type Release } from './release-context.js'
import { type Copies, type Overrides, planCopies } from './release-copy.js'
import { asNewVersion, asRelease, decideBody } from './release-decide.js'
import { releasePostfix } from './release-hooks.js'
import { linkCopySteps } from './release-links.js'
import { laterSteps, ownReferences } from './release-own.js'
import { type ReadBack, refuse, type WriteOutcome } from './write.js'
import { judgeTree } from './write-access.js'
import type { WriteContext } from './write-context.js'
import type { Decision } from './write-decide.js'
import { anyHooked, postfixStage } from './write-hooks.js'
import { checkLists, listWriteSteps } from './write-lists.js'
import { type PreparedRow, prepareRows } from './write-prepare.js'
import { linkSteps, rowSteps } from './write-steps.js'

export interface ReleaseWork {
  readonly release: Release
  /** Of the body, after the prefix hooks. */
  readonly plan: WritePlan
  /** What `clone` prefix hooks gave. */
  readonly overrides: Overrides
  readonly readBack: ReadBack
}

export async function carryOutRelease(context: WriteContext, given: ReleaseWork): Promise<WriteOutcome> {
  const { core, request, trx, writer } = context
  const { stored, work } = await lockRow(context, given)
  const { release, plan } = work
  const { resource, next } = release
  const decision = await decideRelease(context, work, stored)
  await checkLists(core.model, writer, trx, decision)
  const rows = prepareRows(core.model, request.caller, asNewVersion(decision, plan, next, stored))
  const root = rows[plan.target?.row ?? -1]
  if (root === undefined) throw new Error('the plan of a release has no root')
  const clones = planClones(core.model, resource, suppliedRelations(resource, release.data))
  const { originals, copies, links } = await copyBelow(context, work, clones)
  const own = ownReferences(release, clones, root, copies.mapping)
  await runSteps(trx, [
    ...bodySteps(context, plan, rows, (level) => level < root.level),
    ...versionSteps(context, release, stored, own.values),
    ...copies.steps,
    ...laterSteps(writer, resource, next, own),
    ...links,
    ...copyListSteps(writer, resource, [{ from: release.key, to: next }]),
    ...bodySteps(context, plan, rows, (level) => level >= root.level),
    ...linkSteps(core.model, writer, plan, rows),
    ...listWriteSteps(writer, rows),
    ...historySteps(core.model, writer, request, { resource, keys: [next], many: false, body: release.data }),
  ])
  await postfixes(context, work, rows, stored, originals, copies)
  const texts = await work.readBack(context, resource, [next])
  return { resource, many: false, keys: [next], texts }
}

interface Locked {
  readonly stored: Row
  /** With the number of the new version as it is now known. */
  readonly work: ReleaseWork
}

/** The entity first, as every release and delete does, then the row. */
async function lockRow({ core, trx, writer }: WriteContext, work: ReleaseWork): Promise<Locked> {
  const { release } = work
  const { resource, key } = release
  const version = (await lastVersion(writer, trx, resource, key, 'update')) + 1
  const [stored] = await lookupRows(writer, trx, resource, [key], 'update')
  if (stored === undefined) throw new BiodmError('not_found', `There is no such ${resource.name}`)
  if (version === release.next['version']) return { stored, work }
  const next = { ...key, version }
  const write = { ...release.write, key: next }
  return {
    stored,
    work: { ...work, release: { ...release, next, write }, plan: planWrite(core.model, write, 'final') },
  }
}

/** The verdicts again on locked rows, in the order of the contract: 400, 403, 409. */
async function decideRelease(
  context: WriteContext,
  { release, plan }: ReleaseWork,
  stored: Readonly<Row>,
): Promise<Decision> {
  const { core, request, trx, writer } = context
  const { resource, key } = release
  const decision = asRelease(
    await decideBody(core.model, writer, trx, plan, { locking: true }),
    plan,
    release,
    stored,
  )
  refuseExistingChildren(plan, decision)
  refuse(plan, decision, await judgeTree({ core, request, writer, db: trx }, plan, decision))
  if (stored['is_latest'] !== true) {
    throw new BiodmError(
      'not_latest_version',
      `Version ${key['version']} of this ${resource.name} is not the latest: release that one`,
    )
  }
  return decision
}

interface Below {
  readonly originals: Originals
  readonly copies: Copies
  readonly links: readonly Step[]
}

async function copyBelow(context: WriteContext, work: ReleaseWork, plan: ClonePlan): Promise<Below> {
  const { core, trx, writer } = context
  const { resource, key, next, data } = work.release
  const { model } = core
  const root = { resource, from: key, to: next }
  const originals = await collectOriginals({ model, writer, db: trx, lock: 'share' }, plan, resource, key)
  requirePrefixed(model.resource.bind(model), originals, work.overrides)
  const copies = await planCopies({
    model,
    writer,
    db: trx,
    plan,
    root,
    originals,
    overrides: work.overrides,
  })
  const copied = new Map(
    [...originals].map(([name, rows]) => [name, [...rows.values()].map((original) => original.key)]),
  )
  const links = await linkCopySteps({
    model,
    writer,
    db: trx,
    mapping: copies.mapping,
    copied,
    given: suppliedRelations(resource, data),
    root,
  })
  return { originals, copies, links }
}

/** A row that came after the prefix hooks ran would be copied without them. */
function requirePrefixed(
  resourceOf: (name: string) => Resource,
  originals: Originals,
  overrides: Overrides,
): void {
  for (const [name, rows] of originals) {
    const resource = resourceOf(name)
    if (!hasHooks(resource, 'clone', 'prefix')) continue
    const known = overrides.get(name)
    const missed = [...rows.values()].some((original) => known?.has(keyText(resource, original.key)) !== true)
    if (missed) throw new BiodmError('conflict', `A ${name} was added during the release; try again`)
  }
}

/** Rows of the body other than the new version itself. */
function bodySteps(
  { writer }: WriteContext,
  plan: WritePlan,
  rows: readonly PreparedRow[],
  among: (level: number) => boolean,
): readonly Step[] {
  return rowSteps(
    writer,
    rows.filter((row) => !isTarget(plan, row.position) && among(row.level)),
  )
}

function versionSteps(
  { writer }: WriteContext,
  { resource, key, next }: Release,
  stored: Readonly<Row>,
  values: Readonly<Row>,
): readonly Step[] {
  const flag = columnsNamed(resource, ['is_latest'])
  const last = [{ name: 'last_version', type: 'integer' }] as const
  return [
    updateStep(writer, resource.table, resource.primaryKey, flag, [{ ...key, is_latest: false }]),
    updateStep(writer, resource.entityTable ?? '', resource.entityKey, last, [
      { ...key, last_version: next['version'] },
    ]),
    insertStep(writer, resource.table, storedColumns(resource), [{ ...stored, ...values }]),
  ]
}

/** The new version, then what the body brought, then the copies. */
async function postfixes(
  context: WriteContext,
  { release, plan }: ReleaseWork,
  rows: readonly PreparedRow[],
  stored: Readonly<Row>,
  originals: Originals,
  copies: Copies,
): Promise<void> {
  if (anyHooked(context.core.model, plan, 'postfix')) {
    const others = rows.map((row) =>
      isTarget(plan, row.position) ? { ...row, action: 'refer' as const } : row,
    )
    await postfixStage(context, plan, others)
  }
  await releasePostfix(context, release, release.next, stored, originals, copies)
}
