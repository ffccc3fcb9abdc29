/** `GET /datasets` and `GET /projects/{id}/datasets`: a page of rows with its headers. */
import type { RowArray } from '../managers/database.js'
import type { Resource } from '../model/model.js'
import type { ListPlan } from '../plan/plan.js'
import { type Parent, planList } from '../plan/read.js'
import type { Answer, Core, RequestContext } from './core.js'
import { hasHooks } from './hooks/run.js'
import { pageLinks } from './page-links.js'
import { askerOf, databaseOf, notFound, select } from './read-context.js'
import { hookedRows } from './read-hooks.js'

/** Rows of a resource by a query in the filter grammar. */
export async function listRows(
  core: Core,
  request: RequestContext,
  resource: Resource,
  query = '',
): Promise<Answer> {
  return await page(core, request, resource, planList(askerOf(core, request), resource, query), query)
}

/** Rows of a collection; 404 when the row it belongs to is absent or not readable. */
export async function listRelated(
  core: Core,
  request: RequestContext,
  parent: Parent,
  query = '',
): Promise<Answer> {
  const target = parent.resource.relations.get(parent.relation)?.target
  if (target === undefined) throw notFound(parent.resource)
  const resource = core.model.resource(target)
  const plan = planList(askerOf(core, request), resource, query, parent)
  return await page(core, request, resource, plan, query)
}

/** What came back, sorted out. */
interface Page {
  /** The rows, joined by commas. */
  readonly text: string
  readonly total: unknown
  readonly more: boolean
}

async function page(
  core: Core,
  request: RequestContext,
  resource: Resource,
  plan: ListPlan,
  query: string,
): Promise<Answer> {
  const { text, total, more } = hasHooks(resource, 'list', 'postfix')
    ? await hookedPage(core, request, resource, plan)
    : packedPage(core, plan, await select(core, databaseOf(core, request), plan, false))
  const links = pageLinks(request.path, query, plan, more)
  const headers = {
    ...(links === null ? {} : { Link: links }),
    ...(plan.count ? { 'X-Total-Count': String(total) } : {}),
  }
  return { status: 200, headers, body: `[${text}]` }
}

/** Rows that hold one; the last of a full page only tells that there are more. */
function pageRows(core: Core, plan: ListPlan, rows: readonly RowArray[]) {
  const headed = plan.parent !== null || plan.count
  if (plan.parent !== null && rows.length === 0) throw notFound(core.model.resource(plan.parent.resource))
  const found = headed ? rows.filter(([json]) => json !== null) : rows
  const size = plan.end - plan.start
  return {
    found: found.slice(0, size),
    more: found.length > size,
    total: headed ? rows[0]?.[1] : null,
    headed,
  }
}

function packedPage(core: Core, plan: ListPlan, rows: readonly RowArray[]): Page {
  const [row] = rows
  if (row === undefined) throw notFound(core.model.resource(plan.parent?.resource ?? plan.resource))
  const [text, more, total] = row
  return { text: typeof text === 'string' ? text : '', more: Number(more) === 1, total }
}

async function hookedPage(
  core: Core,
  request: RequestContext,
  resource: Resource,
  plan: ListPlan,
): Promise<Page> {
  const answer = { operation: 'list', to: 'list', fields: plan.fields } as const
  let facts = { more: false, total: null as unknown }
  const texts = await hookedRows(core, request, resource, answer, async (db) => {
    const { found, more, total, headed } = pageRows(core, plan, await select(core, db, plan, true))
    facts = { more, total }
    return found.map((row) => ({ json: row[0], key: row[headed ? 2 : 1] }))
  })
  return { text: texts.join(','), ...facts }
}
