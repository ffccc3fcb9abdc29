/** Stopping: what was accepted is answered, connections end with it, nothing waits for clients or plugins. */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { puppetOf } from '../fixtures/puppet.js'
import { startApi } from '../helpers/api.js'

const PUPPET = fileURLToPath(new URL('../fixtures/puppet.ts', import.meta.url))
const WORLD = { plugins: { [PUPPET]: {} }, resources: { Box: { path: 'boxes' } } }

t.test('a request under way is answered on a connection that ends with it', async (t) => {
  const api = await startApi(t, WORLD)
  let begun = (): void => {}
  const running = new Promise<void>((resolve) => {
    begun = resolve
  })
  puppetOf(api.runtime.core).route = async () => {
    begun()
    await new Promise((resolve) => setTimeout(resolve, 300))
    return { status: 200, body: 'done' }
  }
  t.equal((await fetch(`${api.url}/live`)).headers.get('connection'), 'keep-alive')
  const answer = fetch(`${api.url}/puppet`)
  await running
  const started = performance.now()
  await api.runtime.close()
  t.ok(performance.now() - started < 3_000, 'an idle connection keeps no server')
  const { status, headers } = await answer
  t.same([status, headers.get('connection')], [200, 'close'])
  await t.rejects(fetch(`${api.url}/live`))
})

t.test('closing twice is one closing, and a closed runtime does not listen', async (t) => {
  const { runtime } = await startApi(t, WORLD)
  t.equal(runtime.close(), runtime.close())
  await runtime.close()
  await t.rejects(runtime.listen(0))
})

t.test('a HEAD inside the process has no body', async (t) => {
  const { runtime } = await startApi(t, WORLD)
  const answer = await runtime.as(null).request({ method: 'HEAD', path: '/boxes' })
  t.match(answer, { status: 200, headers: { 'content-type': 'application/json' } })
  t.equal(answer.body, undefined)
})
