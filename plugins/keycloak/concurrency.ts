/** Calls to Keycloak under way at once for one request or sync. */
export const AT_ONCE = 8

/**
 * Runs `work` over all items, at most `limit` at once, and gives the results in order. After a failure or an abort nothing
 * new is begun, and what runs is waited for, so that its effects are known to whoever undoes them.
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  options: { readonly limit?: number; readonly signal?: AbortSignal } = {},
): Promise<R[]> {
  const results: R[] = new Array(items.length)
  const failures: unknown[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next
      next += 1
      try {
        options.signal?.throwIfAborted()
        results[index] = await work(items[index] as T, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.limit ?? AT_ONCE, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
  return results
}
