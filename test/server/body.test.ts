import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { readJson } from '../../src/server/body.js'
import type { BodyBudget } from '../../src/server/body-budget.js'

const LIMITS = { bytes: 1_000, depth: 8, timeMs: 5_000, waitMs: 5_000 }

/** A body whose stream ends, and closes, as soon as it is read. */
function requestOf(text: string): IncomingMessage {
  const stream = Readable.from([Buffer.from(text)], { objectMode: false })
  return Object.assign(stream, { headers: { 'content-length': String(text.length) } }) as never
}

t.test('a body that has arrived may wait for memory although its stream is closed', async (t) => {
  const request = requestOf('{"a":1}')
  let admit = (): void => undefined
  const asked = new Promise<void>((resolve) => {
    const budget: BodyBudget = {
      open: () => ({
        grow(_bytes, resume) {
          admit = resume
          resolve()
          return false
        },
        complete: () => undefined,
        release: () => undefined,
      }),
    }
    const reading = readJson(request, LIMITS, budget)
    t.resolveMatch(reading, { value: { a: 1 } })
  })
  await asked
  // What `pause` holds back is the end: it comes when somebody else reads on, as a drain does.
  request.resume()
  await new Promise((resolve) => request.once('close', resolve))
  admit()
})

t.test('a stream that closes before its end has lost its body', async (t) => {
  const request = requestOf('{"a":')
  request.destroy()
  const budget: BodyBudget = {
    open: () => ({ grow: () => true, complete: () => undefined, release: () => undefined }),
  }
  await t.rejects(readJson(request, LIMITS, budget), { code: 'bad_request' })
})
