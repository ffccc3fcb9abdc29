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
