/** Writes to a resource's own routes. */
import type { Key } from '../hooks.js'
import type { Resource } from '../model/model.js'
import type { Answer, Core, RequestContext } from './core.js'
import { runWrite } from './write.js'
import { answerOf, readWritten } from './write-answer.js'

/** `POST /datasets`: an object or an array of them, nested, new and old mixed. 201, what was written. */
export async function createRows(
  core: Core,
  request: RequestContext,
  resource: Resource,
  body: unknown,
): Promise<Answer> {
  return answerOf(
    core,
    await runWrite(core, request, { kind: 'create', resource, body }, readWritten('create')),
    201,
  )
}

/** `PUT` and `PATCH /datasets/{id}`: the given fields, nested objects too. 200, the row. */
export async function updateRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  body: unknown,
): Promise<Answer> {
  return answerOf(
    core,
    await runWrite(core, request, { kind: 'update', resource, key, body }, readWritten('update')),
    200,
  )
}
