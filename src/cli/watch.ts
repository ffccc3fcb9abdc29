/** `serve --watch`: tells when something that a configuration was made of is no longer what it was. */
import type { Serving } from '../runtime/serve.js'

export interface Watching {
  close(): void
}

/**
 * Files are looked at again and again rather than watched: that sees replaced files, moved links, new matches of an include
 * and files on any kind of disk alike, and it costs a few `stat`s.
 */
const LOOK_MS = 200

/** A change is told once nothing changed for one more look: editors write in several steps. */
export function watchInputs(serving: Serving, changed: () => Promise<void>): Watching {
  let closed = false
  let last = ''
  const look = async (): Promise<void> => {
    const now = serving.inputs.now()
    const settled = now === last
    last = now
    if (settled && now !== serving.inputs.before()) await changed()
    if (!closed) timer = setTimeout(next, LOOK_MS)
  }
  const next = (): void => void look()
  let timer = setTimeout(next, LOOK_MS)
  return {
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
