import { BiodmError, type Problem } from '../errors.js'
import type { Row } from '../hooks.js'
import type { Resource } from '../model/model.js'
import { isTarget, type WritePlan } from '../plan/plan.js'
import { pointerToken } from '../plan/problems.js'
import type { Decision } from './write-decide.js'

/** The body of a release as an object; its key is the path's and the database's, so that key fields are 400. */
export function checkKeyFields(resource: Resource, body: unknown): Row {
  if (body === undefined) return {}
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BiodmError(
      'invalid_body',
      'A release takes a JSON object with the fields that change, or no body',
      {
        errors: [{ pointer: '', message: `must be an object of ${resource.name}` }],
      },
    )
  }
  const errors = resource.primaryKey
    .filter(({ name }) => Object.hasOwn(body, name))
    .map(
      ({ name }): Problem => ({
        pointer: pointerToken(name),
        message: 'is part of the key; a release keeps it',
      }),
    )
  if (errors.length === 0) return body as Row
  throw new BiodmError('invalid_body', `"${errors[0]?.pointer}" ${errors[0]?.message}`, { errors })
}

/** To-many and inverse one-to-one relations that the body gives: nothing of them is carried over. */
export function suppliedRelations(resource: Resource, data: Readonly<Row>): ReadonlySet<string> {
  return new Set(
    [...resource.relations.values()]
      .filter(({ kind, name }) => kind !== 'one' && data[name] !== undefined)
      .map(({ name }) => name),
  )
}

/** 400: an existing child would leave the row that it belongs to, which for the released row is the old version. */
export function refuseExistingChildren(plan: WritePlan, { rows }: Decision): void {
  const isNew = (position: number) => isTarget(plan, position) || rows[position]?.stored === null
  const errors = rows
    .filter(
      ({ stored, row }) => stored !== null && row.parents.some(({ inverse, from }) => inverse && isNew(from)),
    )
    .map(
      ({ row, resource }): Problem => ({
        pointer: row.pointer,
        message: `is an existing ${resource.name}: it would leave the old version; leave out its key to make a new one`,
      }),
    )
  if (errors.length === 0) return
  throw new BiodmError('invalid_body', `"${errors[0]?.pointer}" ${errors[0]?.message}`, {
    errors: errors.slice(0, 100),
  })
}
