/**
 * Rows of a resource that has `read` or `list` hooks: parsed, given to the hooks, put into text again. Everything else
 * never parses a row.
 */
import { judge } from '../access/static.js'
import type { AnswerFacts, Key, Row } from '../hooks.js'
import { admittingPaths } from '../identity.js'
import { rowText } from '../json-text.js'
import { AccessChecks } from '../managers/access-checks.js'
import type { Queryable } from '../managers/database.js'
import type { Resource } from '../model/model.js'
import type { Core, Joined, RequestContext } from './core.js'
import { createEffects } from './effects.js'
import { runReadHooks } from './hooks/run.js'
import { writerOf } from './write-context.js'

/** What is answered: the hooks that run, and what they may know. */
export interface Hooked {
  readonly operation: 'read' | 'list'
  readonly to: string
  readonly fields: readonly string[] | null
}

/** As a statement gives them: the row's JSON text, null for one that may not be shown, and its key. */
export interface RawRow {
  readonly json: unknown
  /** As a JSON array, or where it was known before. */
  readonly key: unknown
}

/** Loads rows and runs the hooks in one transaction, that of the request if it has one. */
export async function hookedRows(
  core: Core,
  request: RequestContext,
  resource: Resource,
  answer: Hooked,
  load: (db: Queryable) => Promise<readonly RawRow[]>,
): Promise<readonly (string | null)[]> {
  if (request.joined !== null) {
    return await hooked(
      core,
      request,
      request.joined,
      resource,
      answer,
      await load(request.joined.transaction),
    )
  }
  const effects = createEffects(request.log, core.metrics)
  try {
    const texts = await core.database.transaction(
      async (transaction) => {
        await effects.attempt()
        return await hooked(
          core,
          request,
          { transaction, effects, readonly: true },
          resource,
          answer,
          await load(transaction),
        )
      },
      { readonly: true, signal: request.signal },
    )
    await effects.committed()
    return texts
  } catch (error) {
    await effects.rolledBack()
    throw error
  }
}

async function hooked(
  core: Core,
  request: RequestContext,
  joined: Joined,
  resource: Resource,
  { operation, to, fields }: Hooked,
  raw: readonly RawRow[],
): Promise<readonly (string | null)[]> {
  const shown = raw.map(({ json, key }) =>
    typeof json === 'string' ? { row: JSON.parse(json) as Row, key: keyOf(resource, key) } : null,
  )
  const rows = shown.filter((each) => each !== null)
  if (rows.length > 0) {
    const facts: AnswerFacts = Object.freeze({
      fields,
      to,
      may: (verb: string) =>
        mayEach(
          core,
          request,
          joined,
          resource,
          verb,
          rows.map(({ key }) => key),
        ),
    })
    await runReadHooks(core, request, joined, resource, operation, rows, facts)
  }
  return shown.map((each) => (each === null ? null : textOf(resource, operation, each.row)))
}

function textOf(resource: Resource, operation: string, row: Row): string {
  try {
    return rowText(row)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`the ${operation} hooks of ${resource.name} left what is no JSON: ${reason}`)
  }
}

function keyOf(resource: Resource, key: unknown): Row {
  if (typeof key === 'object' && key !== null) return key as Row
  const values = JSON.parse(String(key)) as readonly unknown[]
  return Object.fromEntries(resource.primaryKey.map(({ name }, index) => [name, values[index]]))
}

async function mayEach(
  core: Core,
  request: RequestContext,
  { transaction }: Joined,
  resource: Resource,
  verb: string,
  keys: readonly Key[],
): Promise<readonly boolean[]> {
  const { caller } = request
  const allowed = keys.map(
    (key) => judge(resource, verb, caller, core.enforce, { key, given: [] }) === 'pass',
  )
  if (!core.enforce || caller?.admin === true) return allowed
  const checks = new AccessChecks(core.model, writerOf(core), admittingPaths(caller))
  for (const key of keys) checks.askVerb(resource, key, verb)
  await checks.run(transaction)
  return keys.map((key, index) => allowed[index] === true && checks.passesVerb(resource, key, verb))
}
