import t from 'tap'
import { raw, route, serve } from './app.js'

const routes = [
  route('GET', '/things', ({ search }) => ({ status: 200, body: JSON.stringify({ list: search }) })),
  route('POST', '/echo', ({ body }) => ({ status: 200, body: JSON.stringify({ body: body ?? null }) })),
]

const RAW: readonly (readonly [title: string, bytes: string, answer: RegExp])[] = [
  ['garbage', 'hello\r\n\r\n', /^HTTP\/1.1 400.*"bad_request"/s],
  ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 400/],
  [
    'large headers',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
    /^HTTP\/1.1 431.*"headers_too_large"/s,
  ],
  [
    'two lengths',
    'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    /^HTTP\/1.1 400/,
  ],
  [
    'length and chunks',
    'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1.1 400/,
  ],
  ['no host', 'GET /things HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 400.*Host/s],
  ['HTTP/1.0 without a host', 'GET /things HTTP/1.0\r\n\r\n', /^HTTP\/1.1 200/],
  ['an absolute URL', 'GET http://x/things?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /"a=b"/],
  [
    'broken chunks',
    'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    /^HTTP\/1.1 400/,
  ],
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 405.*"method_not_allowed"/s],
  [
    'an unknown expectation',
    'GET /things HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    /^HTTP\/1.1 200/,
  ],
]
t.test('what is no proper request is answered properly', async (t) => {
  const { port } = await serve(t, routes)
  for (const [title, bytes, answer] of RAW) {
    await t.test(title, async (t) => t.match(await raw(port, bytes), answer))
  }
})

t.test('the connection stays usable after a refused body', async (t) => {
  const { port } = await serve(t, routes)
  const body = 'x'.repeat(100_000)
  const answer = await raw(
    port,
    `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  )
  t.match(answer, /^HTTP\/1.1 415.*HTTP\/1.1 200/s)
})

t.test('requests sent at once run one after another', async (t) => {
  const order: string[] = []
  const slow = route('POST', '/slow', async () => {
    order.push('begun')
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('done')
    return { status: 201 }
  })
  const quick = route('GET', '/quick', async () => {
    order.push('read')
    return { status: 200, body: '{}' }
  })
  const { port } = await serve(t, [slow, quick])
  const post = 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'
  const get = (last: string) => `GET /quick HTTP/1.1\r\nHost: x\r\n${last}\r\n`
  const answer = await raw(port, post + get('') + post + get('Connection: close\r\n'))
  t.match(answer, /^HTTP\/1.1 201.*HTTP\/1.1 200.*HTTP\/1.1 201.*HTTP\/1.1 200/s)
  t.same(order, ['begun', 'done', 'read', 'begun', 'done', 'read'])
})

t.test('nobody may have any number of requests wait', async (t) => {
  let begun = 0
  const slow = route('GET', '/slow', async () => {
    begun += 1
    await new Promise((resolve) => setTimeout(resolve, 50))
    return { status: 200, body: '{}' }
  })
  const { port } = await serve(t, [slow])
  const answer = await raw(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200))
  t.equal(answer, '')
  t.ok(begun <= 1, `${begun} began`)
})
