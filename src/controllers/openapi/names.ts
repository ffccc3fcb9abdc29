/** Names in the document: groups and parts of operation ids. */
import type { Resource } from '../../model/model.js'
import type { Action } from '../route.js'

export interface Names {
  /** `Dataset`. */
  readonly one: string
  /** `Datasets`. */
  readonly many: string
  /** Of the relation: `Files`. */
  readonly relation: string
  readonly method: string
}

export function namesOf(resource: Resource, action: Action, method: string): Names {
  const regular = resource.path === `${resource.name.toLowerCase()}s`
  const relation = 'relation' in action ? pascal(action.relation) : ''
  return {
    one: pascal(resource.name),
    many: regular ? `${pascal(resource.name)}s` : pascal(resource.path),
    relation,
    method,
  }
}

export const pascal = (text: string): string =>
  text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

/** Resources, plugins and the server itself each have a group in what is shown. */
export function tagOf(action: Action): string {
  if (action.kind === 'root') return 'server'
  if (action.kind === 'plugin') return action.resource ?? action.plugin
  return action.resource
}
