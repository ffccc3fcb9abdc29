import { BiodmError } from '../../errors.js'

/**
 * Runs `work` with a signal that is aborted after `ms` or when `outer` is, and stops waiting for it then: the work
 * itself cannot be killed, so it must watch its signal. A controller and a timer, since `AbortSignal.any` with a timeout
 * signal can lose it to garbage collection on Node 20.
 */
export async function bounded<T>(
  work: (signal: AbortSignal) => T | Promise<T>,
  ms: number,
  outer: AbortSignal,
  what: string,
): Promise<T> {
  const controller = new AbortController()
  let onAbort = (): void => {}
  let timer: NodeJS.Timeout | undefined
  const stopped = new Promise<never>((_, reject) => {
    const stop = (cause: unknown): void => {
      const error = cause instanceof BiodmError ? cause : new BiodmError('timeout', undefined, { cause })
      controller.abort(error)
      reject(error)
    }
    onAbort = () => stop(outer.reason)
    timer = setTimeout(() => stop(new Error(`${what} took longer than ${ms} ms`)), ms)
    if (outer.aborted) onAbort()
    else outer.addEventListener('abort', onAbort, { once: true })
  })
  try {
    const working = controller.signal.aborted
      ? stopped
      : Promise.resolve().then(() => work(controller.signal))
    return await Promise.race([working, stopped])
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', onAbort)
  }
}
