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
  return await new Promise<T>((resolve, reject) => {
    const stop = (reason: BiodmError): void => {
      controller.abort(reason)
      reject(reason)
    }
    const onAbort = (): void => stop(new BiodmError('timeout', undefined, { cause: outer.reason }))
    const timer = setTimeout(() => {
      stop(new BiodmError('timeout', undefined, { cause: new Error(`${what} took longer than ${ms} ms`) }))
    }, ms)
    const settle = (): void => {
      clearTimeout(timer)
      outer.removeEventListener('abort', onAbort)
    }
    if (outer.aborted) {
      clearTimeout(timer)
      onAbort()
      return
    }
    outer.addEventListener('abort', onAbort, { once: true })
    Promise.resolve()
      .then(() => work(controller.signal))
      .then(resolve, reject)
      .finally(settle)
  })
}
