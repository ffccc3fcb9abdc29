import type { Transaction } from '../managers/database.js'
import type { Writer } from '../managers/mutate/rows.js'
import { type Texts, textsOf } from '../managers/mutate/texts.js'
import type { Core, Effects, RequestContext } from './core.js'

/** What the stages of one write share, inside its transaction. */
export interface WriteContext {
  readonly core: Core
  readonly request: RequestContext
  readonly trx: Transaction
  readonly effects: Effects
  readonly writer: Writer
}

export function writerOf(core: Core): Writer {
  const texts: Texts = textsOf(core.model)
  const keyed = core.model.definition.database.migrate !== 'off'
  return { dialect: core.database.dialect, texts, keyed }
}
