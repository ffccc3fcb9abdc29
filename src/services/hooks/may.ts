/** The answer to a prefix hook's `ctx.may(verb, item)`: static rules only, no stored rows. */
import type { PrefixItem } from '../../hooks.js'
import { admittingPaths, type Caller } from '../../identity.js'
import type { Resource } from '../../model/model.js'

export function may(
  resource: Resource,
  caller: Caller,
  enforce: boolean,
  verb: string,
  item: PrefixItem,
): boolean {
  if (!enforce || caller?.admin === true) return true
  const rule = resource.access.get(verb) ?? { kind: 'public' }
  switch (rule.kind) {
    case 'public':
      return true
    case 'authenticated':
      return caller !== null
    case 'admin':
      return false
    case 'groups':
      return admittingPaths(caller).some((path) => rule.paths.includes(path))
    case 'self_or_admin':
      return (
        caller !== null && isOwn(resource, caller.username, item) && onlyGives(resource, rule.columns, item)
      )
  }
}

function isOwn(resource: Resource, username: string, item: PrefixItem): boolean {
  const [key] = resource.primaryKey
  return key !== undefined && item.key?.[key.name] === username
}

function onlyGives(resource: Resource, columns: readonly string[], item: PrefixItem): boolean {
  const keys = new Set(resource.primaryKey.map((column) => column.name))
  return Object.keys(item.data).every((name) => columns.includes(name) || keys.has(name))
}
