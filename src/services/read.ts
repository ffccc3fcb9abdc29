/** `GET /datasets/{id}` and `GET /datasets/{id}/{relation}`. */
import type { Key } from '../hooks.js'
import type { Resource } from '../model/model.js'
import type { ReadPlan, RelatedPlan } from '../plan/plan.js'
import { isToOneRelation, planRead, planRelated } from '../plan/read.js'
import type { Answer, Core, RequestContext } from './core.js'
import { hasHooks } from './hooks/run.js'
import { listRelated } from './list.js'
import { askerOf, databaseOf, notFound, select } from './read-context.js'
import { hookedRows } from './read-hooks.js'

export { listRows } from './list.js'

/** One row; `query` may hold `fields`. 404 when it is absent or the caller may not read it. */
export async function readRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  query = '',
): Promise<Answer> {
  return await one(core, request, resource, planRead(askerOf(core, request), resource, key, query))
}

/** What a relation of one row leads to: an object for a to-one relation, else a page of the collection. */
export async function readRelated(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  relation: string,
  query = '',
): Promise<Answer> {
  const parent = { resource, key, relation }
  if (!isToOneRelation(resource, relation)) return await listRelated(core, request, parent, query)
  const plan = planRelated(askerOf(core, request), parent, query)
  const target = core.model.resource(resource.relations.get(relation)?.target ?? '')
  return await one(core, request, target, plan)
}

async function one(
  core: Core,
  request: RequestContext,
  shown: Resource,
  plan: ReadPlan | RelatedPlan,
): Promise<Answer> {
  const body = hasHooks(shown, 'read', 'postfix')
    ? await hookedOne(core, request, shown, plan)
    : (await select(core, databaseOf(core, request), plan, false))[0]?.[0]
  if (typeof body !== 'string') {
    const toOne = plan.kind === 'related' ? plan.relation : undefined
    throw notFound(core.model.resource(plan.resource), toOne)
  }
  return { status: 200, body }
}

async function hookedOne(
  core: Core,
  request: RequestContext,
  shown: Resource,
  plan: ReadPlan | RelatedPlan,
): Promise<string | undefined> {
  const answer = { operation: 'read', to: 'read', fields: plan.fields } as const
  const [text] = await hookedRows(core, request, shown, answer, async (db) => {
    const rows = await select(core, db, plan, true)
    return rows.map(([json, key]) => ({ json, key }))
  })
  return text ?? undefined
}
