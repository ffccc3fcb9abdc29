/** Putting Keycloak back as it was when a request does not commit. */
import type { PrefixContext } from 'biodm'
import { isUncertain } from '../admin/call.js'

/** Carries out `change`, undone when the request fails: also a change of which nobody knows whether it took effect. */
export async function undoably(
  ctx: PrefixContext,
  change: () => Promise<unknown>,
  undo: () => Promise<unknown>,
): Promise<void> {
  try {
    await change()
  } catch (error) {
    if (isUncertain(error)) await undoable(ctx, undo)
    throw error
  }
  await undoable(ctx, undo)
}

/** Undone when the request does not commit; at once when it has ended already. */
export function undoable(ctx: PrefixContext, undo: () => Promise<unknown>): Promise<unknown> | undefined {
  try {
    ctx.onRollback(undo)
    return undefined
  } catch {
    return undo()
  }
}
