/**
 * One release, top to bottom: static rules → plan → prefix hooks → transaction (entity locked, verdicts, the new version,
 * its copied children, links and lists, what the body gives, postfix hooks, history, read back) → effects.
 */
import { demand, lacking, refusal } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key, Row } from '../hooks.js'
import { reachOf } from '../managers/access.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import type { Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import { planWrite } from '../plan/write.js'
import { keyText } from '../plan/write-shape.js'
import type { Answer, Core, RequestContext } from './core.js'
import { checkKeyFields, suppliedRelations } from './release-body.js'
import { carryOutRelease } from './release-carry.js'
import type { Release } from './release-context.js'
import { asRelease, decideBody } from './release-decide.js'
import { clonePrefixes, releasePrefix } from './release-hooks.js'
import { withEffects } from './with-effects.js'
import { type ReadBack, refuseEarly, type WriteOutcome } from './write.js'
import { type Judging, judgeTree } from './write-access.js'
import { passingKeys } from './write-access-rows.js'
import { answerOf, readWritten } from './write-answer.js'
import { explained } from './write-conflict.js'
import { writerOf } from './write-context.js'
import type { Decision } from './write-decide.js'
import { prefixStage } from './write-hooks.js'

/** `POST /datasets/{id}_{v}/release`: 201, the new version. `body` undefined: nothing changes. */
export async function releaseRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  body: unknown,
): Promise<Answer> {
  return answerOf(core, await runRelease(core, request, resource, key, body, readWritten('release')), 201)
}

export async function runRelease(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  body: unknown,
  readBack: ReadBack,
): Promise<WriteOutcome> {
  if (resource.versioned === false) throw new BiodmError('not_found', `${resource.name} is not versioned`)
  demand(resource, 'read', request.caller, core.enforce)
  demand(resource, 'release', request.caller, core.enforce)
  const db = request.joined?.transaction ?? core.database
  const judging: Judging = { core, request, writer: writerOf(core), db }
  const stored = await storedRow(judging, resource, key)
  const data = checkKeyFields(resource, body)
  // A guess: the entity, once locked, knows which numbers were used.
  const next = { ...key, version: Number(key['version']) + 1 }
  const write = { kind: 'update', resource, key: next, body: data, releases: true } as const
  const release: Release = { resource, key, stored, next, write, data }
  const plan = planWrite(core.model, write, 'client')
  const planned = { plan }
  const work = withEffects(core, request, async (effects, transact) => {
    const preview = (some: WritePlan) => previewRelease(judging, release, some)
    const own = await releasePrefix(core, request, effects, release, plan, preview)
    const final = await prefixStage(core, request, effects, write, own, preview, { fromDepth: 1 })
    planned.plan = final
    const overrides = await clonePrefixes(judging, effects, release, suppliedRelations(resource, data))
    return await transact((trx) =>
      carryOutRelease(
        { core, request, trx, effects, writer: judging.writer },
        { release, plan: final, overrides, readBack },
      ),
    )
  })
  return await work.catch(async (error: unknown) => {
    throw await explained(core, request, planned.plan, error, async () => {
      const decision = await decideBody(core.model, judging.writer, core.database, planned.plan, {
        locking: false,
      })
      return asRelease(decision, planned.plan, release, stored)
    })
  })
}

/** 404 unless the row is there for the caller, 403 unless they may release it. */
async function storedRow(judging: Judging, resource: Resource, key: Key): Promise<Row> {
  const { request, writer, db } = judging
  const [row] = await lookupRows(writer, db, resource, [key], 'none')
  if (row === undefined || !(await passes(judging, resource, key, 'read'))) {
    throw new BiodmError('not_found', `There is no such ${resource.name}`)
  }
  if (!(await passes(judging, resource, key, 'release'))) {
    throw refusal(lacking(request.caller), resource.name, 'release')
  }
  return row
}

/** As far as lists go. */
async function passes(judging: Judging, resource: Resource, key: Key, verb: string): Promise<boolean> {
  const { core, request } = judging
  if (!core.enforce || request.caller?.admin === true || reachOf(resource, verb).length === 0) return true
  const passing = await passingKeys(judging, resource, verb, [key])
  return passing.has(keyText(resource, key))
}

/** What can be said before the hooks act elsewhere: what the caller may not do. */
async function previewRelease(judging: Judging, release: Release, plan: WritePlan): Promise<Decision> {
  const { core, writer, db } = judging
  const decision = await decideBody(core.model, writer, db, plan, { locking: false })
  const judged = asRelease(decision, plan, release, release.stored)
  refuseEarly(plan, judged, await judgeTree(judging, plan, judged))
  return judged
}
