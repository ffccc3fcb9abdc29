/** One operation object for each route: what it is called, takes and answers. */
import type { Model, Resource } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'
import type { Action, Route } from '../route.js'
import { namesOf, tagOf } from './names.js'
import { pluginOperation, rootOperation } from './others.js'
import { listParameters, pathParameters, readParameters } from './parameters.js'
import { denied, problems } from './problems.js'
import { reference, writeName } from './schemas.js'
import { type Kind, SHAPES, type Shape } from './shapes.js'

/** `schemes`: names of the security schemes there are. */
export function operationOf(model: Model, route: Route, schemes: readonly string[]): JsonSchema {
  const { action } = route
  const common = { tags: [tagOf(action)], security: securityOf(model, route, schemes) }
  if (action.kind === 'root') return { ...common, ...rootOperation(model, route, action.name) }
  if (action.kind === 'plugin') return { ...common, ...pluginOperation(model, route, action) }
  return { ...common, ...resourceOperation(model, route, action) }
}

/** Public routes ask for nothing; where the rules let everybody pass, a token is possible but not needed. */
function securityOf(model: Model, { policy }: Route, schemes: readonly string[]): JsonSchema[] {
  if (schemes.length === 0 || policy.public) return []
  const needed = schemes.map((name) => ({ [name]: [] }))
  const rules = policy.guard.kind === 'open' ? [] : policy.guard.rules
  const open = rules.every(
    ({ resource, verb }) => (model.resource(resource).access.get(verb)?.kind ?? 'public') === 'public',
  )
  return model.definition.server.requireAuth || !open ? needed : [{}, ...needed]
}

function resourceOperation(model: Model, route: Route, action: Extract<Action, { kind: Kind }>): JsonSchema {
  const shape = SHAPES[action.kind]
  const resource = model.resource(action.resource)
  const relation = 'relation' in action ? resource.relations.get(action.relation) : undefined
  const subject = relation === undefined ? resource : model.resource(relation.target)
  const names = namesOf(resource, action, route.method)
  const parameters = [...pathParameters(model, route), ...queryParameters(shape, subject)]
  return {
    operationId: shape.id(names),
    summary: shape.summary(names),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(shape.body === undefined ? {} : { requestBody: requestBody(shape.body, writeName(subject.name)) }),
    responses: {
      [String(shape.status)]: success(shape, subject.name, action.kind),
      ...problems([...shape.problems, ...denied(model, route)]),
    },
  }
}

function queryParameters({ query }: Shape, subject: Resource): JsonSchema[] {
  if (query === undefined) return []
  return query === 'list' ? listParameters(subject) : readParameters()
}

const arrayOf = (name: string): JsonSchema => ({ type: 'array', items: reference(name) })

function contentOf(count: 'one' | 'one or many' | 'many', name: string): JsonSchema {
  if (count === 'one') return reference(name)
  return count === 'many' ? arrayOf(name) : { oneOf: [reference(name), arrayOf(name)] }
}

function requestBody(count: NonNullable<Shape['body']>, name: string): JsonSchema {
  const schema = contentOf(count === 'optional' ? 'one' : count, name)
  return { required: count !== 'optional', content: { 'application/json': { schema } } }
}

const LIST_HEADERS: JsonSchema = {
  'X-Total-Count': {
    description: 'Matches regardless of the page, with `count=true`',
    schema: { type: 'integer' },
  },
  Link: { description: 'The `first`, `prev` and `next` page', schema: { type: 'string' } },
}
const CREATED_HEADERS: JsonSchema = {
  Location: { description: 'Path of a single object', schema: { type: 'string' } },
}

const CREATES: ReadonlySet<Kind> = new Set(['create', 'release', 'collection_add'])

function success({ answer, query }: Shape, name: string, kind: Kind): JsonSchema {
  if (answer === 'none') return { description: 'Done' }
  const schema = answer === 'document' ? { type: 'object' } : contentOf(answer, name)
  const created = CREATES.has(kind)
  const headers = query === 'list' ? LIST_HEADERS : created ? CREATED_HEADERS : undefined
  return {
    description: DESCRIPTIONS[answer],
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/json': { schema } },
  }
}

const DESCRIPTIONS: Readonly<Record<Exclude<Shape['answer'], 'none'>, string>> = {
  one: 'The object',
  'one or many': 'What was written, as an object or an array like the body',
  many: 'The objects',
  document: 'The document',
}
