/** No two routes are the same: those of the server, of resources, of traits and of plugins. */
import type { PluginRoute } from '../../plugin.js'
import type { Draft, LoadedPlugin, Resolving, TraitUse } from '../draft.js'
import type { Report } from '../report.js'

/** Of the server itself; `_objects` is where embedded stores are served. */
const ROOT_PATHS = ['live', 'ready', 'schema', 'swagger', 'metrics']
const RESERVED_PATHS = [...ROOT_PATHS, '_objects']
/** Of every resource; `release` and `access` are there whether or not the resource has them. */
const ROW_ROUTES = ['GET /', 'PUT /', 'PATCH /', 'DELETE /', 'POST /release', 'GET /access', 'GET /schema']

export function checkRoutes(resolving: Resolving): void {
  for (const draft of resolving.drafts.values()) checkTraitRoutes(draft, resolving.report)
  checkPaths(resolving)
  checkPluginRoutes(resolving)
}

/** Parameters are alike, whatever their names. */
const shape = (path: string): string => path.replace(/:\w+/g, ':')

/** `/{id}/download` of a trait and a relation `download` would be one route. */
function checkTraitRoutes(draft: Draft, report: Report): void {
  const taken = new Map<string, string>(ROW_ROUTES.map((route) => [route, 'a route of every resource']))
  for (const use of draft.traits) {
    for (const { path, method } of use.trait.routes ?? []) {
      const rest = path.replace(/^\/:id\/?/, '/')
      checkRelation(draft, use, rest.slice(1), report)
      const route = `${method} ${shape(rest)}`
      const other = taken.get(route)
      if (other !== undefined)
        report.fault(
          use.at,
          `trait \`${use.name}\`: ${method} /${draft.path}${path.replace('/:id', '/{id}')} is ${other} already`,
        )
      taken.set(route, `a route of trait \`${use.name}\``)
    }
  }
}

function checkRelation(draft: Draft, { name }: TraitUse, segment: string, report: Report): void {
  const relation = draft.relations.get(segment)
  if (relation === undefined || relation.trait === name) return
  report.fault(
    relation.at,
    `trait \`${name}\` has a route /${draft.path}/{id}/${segment}: the relation needs another name`,
    { key: true },
  )
}

function checkPaths({ drafts, plugins, report }: Resolving): void {
  const taken = new Map<string, string>(RESERVED_PATHS.map((path) => [path, 'a route of the server']))
  for (const { plugin } of plugins) {
    for (const { path } of plugin.routes ?? [])
      taken.set(firstSegment(path), `a route of the plugin \`${plugin.name}\``)
  }
  for (const draft of drafts.values()) {
    if (draft.internal) continue
    const other = taken.get(draft.path)
    const named = draft.raw.path !== undefined
    if (other !== undefined) {
      report.fault(named ? [...draft.at, 'path'] : draft.at, `/${draft.path} is ${other} already`, {
        key: !named,
        hint: named ? null : 'give it another `path:`',
      })
    }
    taken.set(draft.path, `the path of \`${draft.name}\``)
  }
}

const firstSegment = (path: string): string => path.split('/')[1] ?? ''

function checkPluginRoutes({ plugins, report }: Resolving): void {
  const taken = new Map<string, string>()
  const check = ({ plugin, at }: LoadedPlugin, { method, path }: PluginRoute): void => {
    const route = `${method} ${shape(path)}`
    const root = ROOT_PATHS.includes(firstSegment(path)) ? 'a route of the server' : undefined
    const other = root ?? taken.get(route)
    if (other !== undefined)
      report.fault(at, `plugin \`${plugin.name}\`: ${method} ${path} is ${other} already`, { key: true })
    taken.set(route, `a route of the plugin \`${plugin.name}\``)
  }
  for (const loaded of plugins) for (const route of loaded.plugin.routes ?? []) check(loaded, route)
}
