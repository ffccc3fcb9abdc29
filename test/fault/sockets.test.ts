/** Clients that are slow, greedy or gone. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { raw, route, serve } from '../server/app.js'

const echo = route('POST', '/echo', async ({ body }) => {
  await sleep(20)
  return { status: 200, body: JSON.stringify({ length: JSON.stringify(body).length }) }
})
const hello = route('GET', '/hello', () => ({ status: 200, body: '"hello"' }))

t.test('headers that trickle in are cut after ten seconds, others are served meanwhile', async (t) => {
  const { port, send } = await serve(t, [hello])
  const started = performance.now()
  const slow = Array.from({ length: 50 }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n'))
    const timer = setInterval(() => socket.write('X-A: b\r\n'), 500)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => undefined)
    return new Promise<string>((resolve) =>
      socket.on('close', () => {
        clearInterval(timer)
        resolve(text)
      }),
    )
  })
  await sleep(500)
  t.equal((await send({ path: '/hello' })).status, 200)
  for (const text of await Promise.all(slow)) t.match(text, /^HTTP\/1.1 408.*"request_timeout"/s)
  t.ok(performance.now() - started < 15_000)
})

t.test('a body that does not come is 408 after its time', async (t) => {
  const { port } = await serve(t, [echo], { bodyMs: 500 })
  const answer = await raw(
    port,
    'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{"a"',
    5_000,
  )
  t.match(answer, /^HTTP\/1.1 408.*"request_timeout"/s)
})

t.test('a body that trickles in is 408 after its time, and its connection is cut', async (t) => {
  const { port } = await serve(t, [echo], { bodyMs: 500 })
  const started = performance.now()
  const text = await new Promise<string>((resolve) => {
    const head = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"'
    const socket = connect(port, '127.0.0.1', () => socket.write(head))
    const timer = setInterval(() => socket.write('a'), 50)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve(received)
    })
  })
  t.match(text, /^HTTP\/1.1 408.*Connection: close.*"request_timeout"/s)
  t.ok(performance.now() - started < 5_000)
})

t.test('a client that goes away in the middle of its body leaves nothing behind', async (t) => {
  const { port, send, app } = await serve(t, [echo, hello])
  for (let count = 0; count < 20; count += 1) {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"a"')
      setTimeout(() => socket.resetAndDestroy(), 10)
    })
    socket.on('error', () => undefined)
  }
  await sleep(300)
  t.equal(app.active, 0)
  t.equal((await send({ path: '/hello' })).status, 200)
})

t.test('fifty bodies of ten megabytes at once are all answered in bounded memory', async (t) => {
  const megabytes = 10
  const { send } = await serve(t, [echo, hello], {
    settings: { bodyLimit: megabytes * 1024 * 1024, timeoutMs: 60_000 },
  })
  const body = Buffer.from(`"${'x'.repeat(megabytes * 1024 * 1024 - 10)}"`)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => send({ method: 'POST', path: '/echo', body })),
  )
  clearInterval(watch)
  const statuses = new Set(answers.map(({ status }) => status))
  t.same(
    [...statuses].filter((status) => ![200, 503].includes(status)),
    [],
  )
  t.ok(answers.filter(({ status }) => status === 200).length > 5)
  const grown = (peak - before) / 1024 / 1024
  t.ok(grown < 400, `${Math.round(grown)} MB more`)
  t.equal((await send({ path: '/hello' })).status, 200)
})
