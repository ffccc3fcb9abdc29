import { loadDefinition } from '../../config/load.js'
import type { Route } from '../../controllers/route.js'
import { compileModel } from '../../model/compile.js'
import type { HookBinding, Model, Resource } from '../../model/model.js'
import { loadPlugin } from '../../registry.js'
import { routeTable } from '../../runtime/routes.js'
import { type CommonFlags, definitionOverrides } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export async function run(config: string, flags: CommonFlags, { output }: Session): Promise<number> {
  const model = compileModel(
    await loadDefinition(config, { loadPlugin, overrides: definitionOverrides(flags) }),
  )
  const facts = factsOf(model)
  const lines = flags.json === true ? [JSON.stringify({ ok: true, ...facts })] : describe(facts)
  for (const line of lines) output.out(line)
  return EXIT.ok
}

/** What `check` prints: routes, and per operation the hooks in the order they run. */
interface Facts {
  readonly name: string
  readonly version: string
  readonly resources: readonly ResourceFacts[]
  readonly routes: readonly string[]
}

interface ResourceFacts {
  readonly name: string
  readonly table: string
  readonly versioned: false | true | 'strict'
  readonly internal: boolean
  readonly routes: readonly string[]
  readonly hooks: Readonly<
    Record<string, { readonly prefix: readonly string[]; readonly postfix: readonly string[] }>
  >
}

function factsOf(model: Model): Facts {
  const routes = routeTable(model).filter((route) => !route.hidden)
  return {
    name: model.definition.name,
    version: model.definition.version,
    resources: [...model.resources.values()].map((resource) => resourceFacts(resource, routes)),
    routes: routes.filter((route) => ownerOf(route) === null).map(line),
  }
}

function resourceFacts(resource: Resource, routes: readonly Route[]): ResourceFacts {
  const names = (bindings: readonly HookBinding[]) => bindings.map(({ plugin, name }) => `${plugin}.${name}`)
  return {
    name: resource.name,
    table: resource.table,
    versioned: resource.versioned,
    internal: resource.internal,
    routes: routes.filter((route) => ownerOf(route) === resource.name).map(line),
    hooks: Object.fromEntries(
      [...resource.hooks].map(([operation, { prefix, postfix }]) => [
        operation,
        { prefix: names(prefix), postfix: names(postfix) },
      ]),
    ),
  }
}

const ownerOf = ({ action }: Route): string | null => ('resource' in action ? action.resource : null)

const line = ({ method, template }: Route): string => `${method.padEnd(6)} ${template}`

function describe(facts: Facts): readonly string[] {
  const blocks = facts.resources
    .filter(({ internal }) => !internal)
    .flatMap((resource) => [...describeResource(resource), ''])
  return [...blocks, 'Server', ...facts.routes.map((route) => `  ${route}`)]
}

function describeResource({ name, table, versioned, routes, hooks }: ResourceFacts): readonly string[] {
  const kind = versioned === false ? '' : versioned === 'strict' ? ', strictly versioned' : ', versioned'
  const chains = Object.entries(hooks).flatMap(([operation, { prefix, postfix }]) =>
    prefix.length + postfix.length === 0
      ? []
      : [`  on ${operation}: ${[...prefix, '(the operation)', ...postfix].join(' → ')}`],
  )
  return [`${name} (table ${table}${kind})`, ...routes.map((route) => `  ${route}`), ...chains]
}
