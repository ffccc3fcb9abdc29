/** Parameters of the routes: keys in paths, the filter grammar in queries. */
import { columnSchema } from '../../model/columns-schema.js'
import type { Column, Model, Resource } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'
import type { Route } from '../route.js'
import { isShown } from './schemas.js'

const query = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  name,
  in: 'query',
  description,
  schema,
})

/** Parameters that the lists of all resources share. */
export const COMMON_PARAMETERS: Readonly<Record<string, JsonSchema>> = Object.freeze({
  fields: query('fields', 'Which fields, comma-separated; dots go deeper: `id,name,files.filename`.', {
    type: 'string',
  }),
  sort: query(
    'sort',
    'Order, comma-separated; `-` descending, dots follow to-one relations: `-created_at,project.name`.',
    {
      type: 'string',
    },
  ),
  start: query('start', 'First row of the page, from 0.', { type: 'integer', minimum: 0 }),
  end: query('end', 'Row after the last one of the page.', { type: 'integer', minimum: 0 }),
  count: query('count', 'Tell the number of all matches in `X-Total-Count`.', { type: 'boolean' }),
  q: query(
    'q',
    'The whole filter grammar, URL-encoded once more: operators (`size.gt(10)`, `name.null()`, `version.max_v()`) and ' +
      'conditions on related rows (`project.name=x`) go here.',
    { type: 'string' },
  ),
})

const shared = (name: string): JsonSchema => ({ $ref: `#/components/parameters/${name}` })

/** What a list of `resource` takes. */
export function listParameters(resource: Resource): JsonSchema[] {
  const columns = [...resource.columns.values()].filter((column) => isFilterable(column))
  return [...columns.map(filter), ...Object.keys(COMMON_PARAMETERS).map(shared)]
}

/** What a read of one object takes. */
export const readParameters = (): JsonSchema[] => [shared('fields')]

const isFilterable = (column: Column): boolean => isShown(column) && !column.virtual && column.type !== 'json'

const TEXTS: readonly string[] = ['string', 'text', 'enum']

/** `name=a,b`: any of the values. Text takes wildcards too, so its form is not narrowed here. */
function filter(column: Column): JsonSchema {
  const text = TEXTS.includes(column.type) && column.type !== 'enum'
  const { description: _, readOnly: __, ...schema } = columnSchema({ ...column, required: true })
  return {
    name: column.name,
    in: 'query',
    description: text ? 'Equal to any of these; `*` stands for any characters.' : 'Equal to any of these.',
    explode: false,
    schema: { type: 'array', items: text ? { type: 'string' } : schema },
  }
}

/** Names in braces of the template, in order. */
export function pathParameters(model: Model, route: Route): JsonSchema[] {
  const names = [...route.template.replace(/\*$/, '{path}').matchAll(/\{(\w+)\}/g)].map(
    ([, name]) => name ?? '',
  )
  return names.map((name) => ({ name, in: 'path', required: true, ...keyOf(model, route, name) }))
}

function keyOf(model: Model, { action }: Route, name: string): JsonSchema {
  const resource = keyedResource(model, action, name)
  if (resource === undefined) return { schema: { type: 'string' } }
  const [first, ...more] = resource.primaryKey
  const parts = resource.primaryKey.map((column) => column.name).join('_')
  if (first === undefined || more.length > 0) {
    return { description: `Key of the ${resource.name}: ${parts}`, schema: { type: 'string' } }
  }
  const { description: _, pattern: __, ...schema } = columnSchema(first)
  return { description: `Key of the ${resource.name}: ${parts}`, schema }
}

function keyedResource(model: Model, action: Route['action'], name: string): Resource | undefined {
  if (!('resource' in action) || action.resource === null) return undefined
  if (name === 'id') return model.resources.get(action.resource)
  if (name !== 'child' || !('relation' in action)) return undefined
  const target = model.resource(action.resource).relations.get(action.relation)?.target
  return target === undefined ? undefined : model.resource(target)
}
