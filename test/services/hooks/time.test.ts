import t from 'tap'
import { bounded } from '../../../src/services/hooks/time.js'

const never = new AbortController().signal

t.test('work in time gives its value', async (t) => {
  t.equal(await bounded(() => 1, 1_000, never, 'x'), 1)
  t.equal(await bounded(async () => 2, 1_000, never, 'x'), 2)
})

t.test('what work throws comes through as it is', async (t) => {
  const error = new Error('own')
  await t.rejects(
    bounded(
      () => {
        throw error
      },
      1_000,
      never,
      'x',
    ),
    error,
  )
})

t.test('work that is late is aborted, named and no longer waited for', async (t) => {
  let seen: AbortSignal | undefined
  const hang = (signal: AbortSignal): Promise<never> => {
    seen = signal
    return new Promise(() => {})
  }
  await t.rejects(bounded(hang, 20, never, 'hook audit.stamp on Study'), {
    code: 'timeout',
    cause: { message: 'hook audit.stamp on Study took longer than 20 ms' },
  })
  t.equal(seen?.aborted, true)
})

t.test('an outer abort stops the wait at once', async (t) => {
  const outer = new AbortController()
  const waiting = bounded(() => new Promise(() => {}), 10_000, outer.signal, 'x')
  outer.abort()
  await t.rejects(waiting, { code: 'timeout' })
  await t.rejects(
    bounded(() => 1, 10_000, outer.signal, 'x'),
    { code: 'timeout' },
  )
})
