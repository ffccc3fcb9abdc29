/** What the default export of a plugin must look like, checked before anything of it is used. */
import type { Plugin } from '../plugin.js'
import { formFaults, type Grammar } from './schema.js'

/** Faults in plain words; empty for a well-formed plugin. */
export function pluginFaults(plugin: Plugin, grammar: Grammar): string[] {
  return [
    ...schemaFaults(plugin.options, grammar),
    ...(plugin.validate === undefined || typeof plugin.validate === 'function'
      ? []
      : ['validate must be a function']),
    ...each('hooks', plugin.hooks, hookFaults),
    ...each('jobs', plugin.jobs, (job) => (typeof job === 'function' ? [] : ['must be a function'])),
    ...each('tasks', plugin.tasks, taskFaults),
    ...each('routes', plugin.routes, (route) => routeFaults(route, /^\/[^/]/)),
    ...each('commands', plugin.commands, commandFaults),
    ...each('extends', plugin.extends, (extension) =>
      Array.isArray(fields(extension)['traits']) ? [] : ['must have a list `traits`'],
    ),
    ...each('resources', plugin.resources, (resource) => resourceFaults(resource, grammar)),
    ...each('traits', plugin.traits, (trait) => traitFaults(trait, grammar)),
  ]
}

type Check = (part: unknown) => string[]

function each(key: string, parts: unknown, check: Check): string[] {
  if (parts === undefined) return []
  return Object.entries(parts as object).flatMap(([name, part]) => {
    if (key !== 'routes' && key !== 'commands' && !/^[A-Za-z][\w-]*$/.test(name))
      return [`${key}.${name}: this is not a name`]
    return check(part).map((fault) => `${key}.${name}: ${fault}`)
  })
}

const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

function hookFaults(hook: unknown): string[] {
  const { stage, run } = fields(hook)
  if (stage !== 'prefix' && stage !== 'postfix') return ["must have a `stage`, 'prefix' or 'postfix'"]
  return typeof run === 'function' ? [] : ['must have a function `run`']
}

function taskFaults(task: unknown): string[] {
  const { every, run } = fields(task)
  const valid = typeof every === 'number' && every > 0 && typeof run === 'function'
  return valid ? [] : ['must have `every` (milliseconds) and a function `run`']
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

function routeFaults(route: unknown, form: RegExp): string[] {
  const { method, path, run } = fields(route)
  const faults: string[] = []
  if (!METHODS.some((known) => known === method))
    faults.push(`the method must be one of ${METHODS.join(', ')}`)
  if (typeof path !== 'string' || !form.test(path))
    faults.push('the path must start with `/` (a trait’s with `/:id`)')
  if (typeof run !== 'function') faults.push('must have a function `run`')
  return faults
}

function commandFaults(command: unknown): string[] {
  const { name, run } = fields(command)
  return typeof name === 'string' && typeof run === 'function'
    ? []
    : ['must have a `name` and a function `run`']
}

function traitFaults(trait: unknown, grammar: Grammar): string[] {
  if (typeof trait !== 'object' || trait === null) return ['must be an object']
  const { columns, relations, unique, lowercase, hooks, options, verbs, operations, own, routes, validate } =
    fields(trait)
  const given = Object.entries({ columns, relations, unique, hooks }).filter(([, part]) => part !== undefined)
  return [
    ...resourceFaults(Object.fromEntries(given), grammar),
    ...schemaFaults(options, grammar),
    ...namesFaults('lowercase', lowercase),
    ...namesFaults('verbs', verbs),
    ...namesFaults('operations', operations),
    ...namesFaults('own', own),
    ...(validate === undefined || typeof validate === 'function' ? [] : ['validate must be a function']),
    ...(routes === undefined || Array.isArray(routes) ? [] : ['routes must be a list']),
    ...(Array.isArray(routes) ? routes.flatMap(traitRouteFaults) : []),
  ]
}

function namesFaults(key: string, names: unknown): string[] {
  const valid =
    names === undefined || (Array.isArray(names) && names.every((name) => typeof name === 'string'))
  return valid ? [] : [`${key} must be a list of names`]
}

function traitRouteFaults(route: unknown, index: number): string[] {
  const { verb } = fields(route)
  const faults = routeFaults(route, /^\/:id(\/|$)/)
  if (typeof verb !== 'string' && verb !== null) faults.push('must name a `verb`, or null')
  return faults.map((fault) => `routes.${index}: ${fault}`)
}

function resourceFaults(resource: unknown, grammar: Grammar): string[] {
  return formFaults(grammar.resource(), resource, []).map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )
}

function schemaFaults(schema: unknown, grammar: Grammar): string[] {
  if (schema === undefined) return []
  try {
    grammar.options(fields(schema))
    return []
  } catch (cause) {
    return [`options is not a JSON Schema: ${cause instanceof Error ? cause.message : String(cause)}`]
  }
}
