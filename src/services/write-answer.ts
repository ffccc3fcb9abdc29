import type { Key } from '../hooks.js'
import { rowPath } from '../model/format-key.js'
import type { Resource } from '../model/model.js'
import type { Answer, Core } from './core.js'
import { readBack } from './read-back.js'
import type { ReadBack, WriteOutcome } from './write.js'

/** The rows as `GET` would show them; null for those that the caller may not read. `to`: what is answered. */
export const readWritten =
  (to: 'create' | 'update' | 'release'): ReadBack =>
  ({ core, request, trx, effects }, resource, keys) =>
    readBack(core, request, trx, effects, { resource, keys, to })

/** Whoever may write but not read a row gets its key only. */
export function answerOf(core: Core, outcome: WriteOutcome, status: 200 | 201): Answer {
  const { resource, keys, many } = outcome
  const texts = outcome.texts.map((text, index) => text ?? JSON.stringify(keys[index]))
  if (many) return { status, body: `[${texts.join(',')}]` }
  const [key] = keys
  const located = status === 201 && key !== undefined && !resource.internal
  return {
    status,
    ...(located ? { headers: { Location: locationOf(core, resource, key) } } : {}),
    body: texts[0] ?? '{}',
  }
}

function locationOf(core: Core, resource: Resource, key: Key): string {
  const { basePath } = core.model.definition.server
  return (basePath === '/' ? '' : basePath) + rowPath(resource, key)
}
