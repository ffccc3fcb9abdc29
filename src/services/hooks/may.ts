/** The answer to a prefix hook's `ctx.may(verb, item)`: static rules only, no stored rows. */
import { judge } from '../../access/static.js'
import type { PrefixItem } from '../../hooks.js'
import type { Caller } from '../../identity.js'
import type { Resource } from '../../model/model.js'

export function may(
  resource: Resource,
  caller: Caller,
  enforce: boolean,
  verb: string,
  { key, data }: PrefixItem,
): boolean {
  return judge(resource, verb, caller, enforce, { key, given: Object.keys(data) }) === 'pass'
}
