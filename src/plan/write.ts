/**
 * Body → write plan: the tree is flattened into nodes and rows, keys are found, links are drawn, and every error that
 * needs no stored row is found, all of them at once with their JSON pointers.
 */

import type { InverseDefinition, ThroughDefinition } from '../config/definition.js'
import { BiodmError } from '../errors.js'
import type { Key, Row } from '../hooks.js'
import type { Model, Resource } from '../model/model.js'
import type { WritePlan, WriteTarget } from './plan.js'
import { Problems } from './problems.js'
import { Tree } from './write-tree.js'

/** What is written: the resource's own collection, one row, or a to-many collection of one row. */
export type WriteRequest =
  | { readonly kind: 'create'; readonly resource: Resource; readonly body: unknown }
  | {
      readonly kind: 'update'
      readonly resource: Resource
      readonly key: Key
      readonly body: unknown
      /** The row is the version that a release makes: `{}` changes nothing, and there is nothing to unlink from it. */
      readonly releases?: boolean
    }
  | {
      readonly kind: 'add' | 'replace'
      readonly resource: Resource
      readonly key: Key
      readonly relation: string
      readonly body: unknown
    }

/**
 * `client`: as sent; every object is checked against its schema, and what a prefix hook may still complete is not
 * missed. `hooked`: between two levels of prefix hooks, which may set read-only columns. `final`: after them; missing
 * fields are errors now.
 */
export type PlanStage = 'client' | 'hooked' | 'final'

/** Throws `empty_body`, `invalid_body` or `missing_fields`. */
export function planWrite(model: Model, request: WriteRequest, stage: PlanStage): WritePlan {
  const problems = new Problems()
  const tree = new Tree(model, problems, stage)
  const { body } = request
  if (isEmpty(body) && !allowsEmpty(request)) {
    throw new BiodmError('empty_body', 'Send a JSON object or an array of objects with at least one member')
  }
  const many = Array.isArray(body)
  let target: WriteTarget | null = null
  const answer: number[] = []
  if (request.kind === 'update') {
    const root = tree.root(request.resource, body, '', request.key, request.releases)
    target = { mode: 'update', relation: null, row: tree.rowOf(root) }
    answer.push(root)
  } else if (request.kind === 'create') {
    const objects = many ? body : [body]
    objects.forEach((item: unknown, index) => {
      answer.push(tree.root(request.resource, item, many ? `/${index}` : '', null))
    })
  } else {
    const relation = collectionOf(request.resource, request.relation)
    const owner = tree.reference(request.resource, request.key)
    target = { mode: request.kind, relation: request.relation, row: owner }
    const objects = many ? body : [body]
    objects.forEach((item: unknown, index) => {
      const position = tree.member(request.resource, relation, owner, item, many ? `/${index}` : '')
      if (position !== null) answer.push(position)
    })
  }
  problems.refuse()
  return tree.plan(
    answer.filter((position) => position >= 0),
    many,
    target,
  )
}

/** The to-many relation of a collection route; 404 for anything else. */
export function collectionOf(resource: Resource, name: string): InverseDefinition | ThroughDefinition {
  const relation = resource.relations.get(name)
  if (relation?.kind === 'many' || relation?.kind === 'through') return relation
  throw new BiodmError('not_found', `${resource.name} has no collection "${name}"`)
}

function allowsEmpty(request: WriteRequest): boolean {
  if (request.kind === 'update') return request.releases === true
  return request.kind === 'replace' && Array.isArray(request.body)
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null) return true
  if (Array.isArray(body)) return body.length === 0
  return typeof body === 'object' && Object.keys(body as Row).length === 0
}
