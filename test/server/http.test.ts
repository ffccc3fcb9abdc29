import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { BiodmError } from '../../src/errors.js'
import { raw, route, type SendOptions, serve } from './app.js'

const echo = route('POST', '/echo', (request) => ({
  status: 200,
  body: JSON.stringify({ body: request.body ?? null }),
}))
const routes = [
  route('GET', '/things', ({ search }) => ({ status: 200, body: JSON.stringify({ list: search }) })),
  route('POST', '/things', () => ({ status: 201, body: '{}' })),
  route('GET', '/things/schema', () => ({ status: 200, body: '"schema"' })),
  route('GET', '/things/{id}', ({ params }) => ({ status: 200, body: JSON.stringify(params) })),
  route('DELETE', '/things/{id}', () => ({ status: 204 })),
  route('GET', '/things/{id}/parts', ({ params }) => ({ status: 200, body: JSON.stringify(params) })),
  route('GET', '/files/*', ({ params }) => ({ status: 200, body: JSON.stringify(params) })),
  route('GET', '/html', () => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' }), {
    json: false,
  }),
  route('GET', '/object', () => ({ status: 200, body: { a: [1, null] } })),
  route('GET', '/stream', () => ({
    status: 200,
    body: Readable.from(['a', 'b']),
    headers: { 'Content-Type': 'text/plain' },
  })),
  route('GET', '/broken', () => {
    throw new Error('the password is secret')
  }),
  route('GET', '/rejected', async () => {
    await sleep(1)
    throw Object.assign(new Error('x'), { code: '23505', status: 200 })
  }),
  route('GET', '/unavailable', () => {
    throw new BiodmError('unavailable', 'later')
  }),
  route('GET', '/slow', async ({ signal }) => {
    await sleep(5_000, undefined, { signal })
    return { status: 200, body: '"late"' }
  }),
  echo,
]

type Expected = readonly [status: number, code?: string | undefined]
const PATHS: readonly (readonly [request: string, ...Expected])[] = [
  ['GET /things', 200],
  ['GET /things/', 404, 'not_found'],
  ['GET //things', 404, 'not_found'],
  ['GET /Things', 404, 'not_found'],
  ['GET /things//parts', 404, 'not_found'],
  ['GET /things/1/parts/', 404, 'not_found'],
  ['GET /nothing', 404, 'not_found'],
  ['GET /', 404, 'not_found'],
  ['GET /things/1', 200],
  ['GET /%74hings/1', 200],
  ['GET /things/%zz', 400, 'invalid_id'],
  ['GET /things/%', 400, 'invalid_id'],
  ['GET /things/%ff', 400, 'invalid_id'],
  ['GET /things/%ED%A0%80', 400, 'invalid_id'],
  ['PUT /things', 405, 'method_not_allowed'],
  ['DELETE /things/schema', 405, 'method_not_allowed'],
  ['TRACE /things', 405, 'method_not_allowed'],
  ['GET /files/a//b', 404, 'not_found'],
  ['GET /broken', 500, 'internal'],
  ['GET /rejected', 500, 'internal'],
  ['GET /unavailable', 503, 'unavailable'],
  [`GET /things?${'x'.repeat(9_000)}`, 414, 'uri_too_long'],
  [`GET /things/${'x'.repeat(8_100)}`, 200],
]

t.test('paths are matched exactly, and what is wrong has its code', async (t) => {
  const { send } = await serve(t, routes)
  for (const [request, status, code] of PATHS) {
    const [method = '', path = ''] = request.split(' ')
    await t.test(request.slice(0, 60), async (t) => {
      const answer = await send({ method, path })
      t.equal(answer.status, status)
      t.equal(answer.json?.code, code)
      if (code !== undefined) {
        t.equal(answer.headers['content-type'], 'application/problem+json')
        t.equal(answer.json.status, status)
        t.equal(answer.json.request_id, answer.headers['x-request-id'])
      }
      t.notMatch(answer.text, /secret/)
    })
  }
})

t.test('segments are decoded one by one', async (t) => {
  const { send } = await serve(t, routes)
  t.same((await send({ path: '/things/a%2Fb%25' })).json, ['a/b%'])
  t.same((await send({ path: '/things/a%2525' })).json, ['a%25'])
  t.same((await send({ path: '/things/%C3%A9/parts?x=1' })).json, ['é'])
  t.same((await send({ path: '/files/a/b%2Fc' })).json, ['a/b%2Fc'])
})

t.test('HEAD answers like GET without a body, OPTIONS and 405 say what is allowed', async (t) => {
  const { send } = await serve(t, routes)
  const head = await send({ method: 'HEAD', path: '/things/12' })
  t.equal(head.status, 200)
  t.equal(head.headers['content-length'], '6')
  t.equal(head.text, '')
  const options = await send({ method: 'OPTIONS', path: '/things' })
  t.equal(options.status, 204)
  t.equal(options.headers['allow'], 'GET, HEAD, POST, OPTIONS')
  t.equal((await send({ method: 'PATCH', path: '/things/1' })).headers['allow'], 'GET, HEAD, DELETE, OPTIONS')
  t.equal((await send({ method: 'OPTIONS', path: '/nothing' })).status, 404)
  t.match(
    await raw((await serve(t, routes)).port, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1.1 204/,
  )
})

t.test('objects become JSON and streams are piped', async (t) => {
  const { send } = await serve(t, routes)
  t.same((await send({ path: '/object' })).json, { a: [1, null] })
  t.equal((await send({ path: '/stream' })).text, 'ab')
  t.equal((await send({ method: 'HEAD', path: '/stream' })).text, '')
  t.equal((await send({ path: '/html', headers: { accept: 'text/html' } })).text, '<p>')
})

const ACCEPTS: readonly (readonly [accept: string, status: number])[] = [
  ['*/*', 200],
  ['application/json', 200],
  ['application/json;q=0.5', 200],
  ['text/html,application/*;q=0.1', 200],
  ['text/html', 406],
  ['application/json;q=0', 406],
  ['application/json;q=0, */*', 406],
  ['application/xml, text/*', 406],
]
t.test('only JSON is offered', async (t) => {
  const { send } = await serve(t, routes)
  for (const [accept, status] of ACCEPTS) {
    t.equal((await send({ path: '/things', headers: { accept } })).status, status, accept)
  }
})

const BODIES: readonly (readonly [title: string, request: Omit<SendOptions, 'path'>, ...Expected])[] = [
  ['JSON', { body: '{"a":1}', headers: { 'content-type': 'application/json' } }, 200],
  [
    'JSON with a charset',
    { body: '{"a":1}', headers: { 'content-type': 'application/json; charset=UTF-8' } },
    200,
  ],
  ['no media type', { body: '{"a":1}' }, 200],
  ['no body', {}, 200],
  [
    'another media type',
    { body: 'a=1', headers: { 'content-type': 'text/plain' } },
    415,
    'unsupported_media_type',
  ],
  [
    'a form',
    { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    'unsupported_media_type',
  ],
  [
    'another charset',
    { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
    415,
    'unsupported_media_type',
  ],
  [
    'a compressed body',
    { body: '{}', headers: { 'content-encoding': 'gzip' } },
    415,
    'unsupported_media_type',
  ],
  ['broken JSON', { body: '{"a"' }, 400, 'malformed_json'],
  ['a large body', { body: `"${'x'.repeat(1024 * 1024)}"` }, 413, 'body_too_large'],
  [
    'a large chunked body',
    { body: `"${'x'.repeat(1024 * 1024)}"`, headers: { 'transfer-encoding': 'chunked' } },
    413,
    'body_too_large',
  ],
]
t.test('bodies are JSON of limited size', async (t) => {
  const { send } = await serve(t, routes)
  for (const [title, request, status, code] of BODIES) {
    await t.test(title, async (t) => {
      const answer = await send({ method: 'POST', path: '/echo', ...request })
      t.equal(answer.status, status)
      t.equal(answer.json.code, code)
    })
  }
})

t.test('a form is answered with what curl needs to send JSON', async (t) => {
  const { send } = await serve(t, routes)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await send({ method: 'POST', path: '/echo', body: '{"a":1}', headers })
  t.match(answer.json, { status: 415, detail: /-H 'Content-Type: application\/json'/ })
})

t.test('a refused caller is told so before what is wrong with the body', async (t) => {
  const { send } = await serve(t, routes, {
    demand: () => {
      throw new BiodmError('forbidden')
    },
  })
  t.equal((await send({ method: 'POST', path: '/echo', body: '{' })).status, 403)
  t.equal((await send({ method: 'POST', path: '/echo', body: '{}' })).status, 200)
})

t.test('a request that takes too long is 504 and its work is aborted', async (t) => {
  const { send, app } = await serve(t, routes, { settings: { timeoutMs: 100 } })
  const started = performance.now()
  const answer = await send({ path: '/slow' })
  t.equal(answer.status, 504)
  t.equal(answer.json.code, 'timeout')
  t.ok(performance.now() - started < 1_000)
  await sleep(20)
  t.equal(app.active, 0)
})

t.test('request ids are taken over when they are harmless', async (t) => {
  const { send } = await serve(t, routes)
  t.equal(
    (await send({ path: '/things', headers: { 'x-request-id': 'abc-1' } })).headers['x-request-id'],
    'abc-1',
  )
  t.match(
    (await send({ path: '/things', headers: { 'x-request-id': 'a b' } })).headers['x-request-id'],
    /^[\da-f]{24}$/,
  )
})

t.test('a base path is part of every path', async (t) => {
  const { send } = await serve(t, routes, { settings: { basePath: '/api/v1' } })
  t.equal((await send({ path: '/api/v1/things' })).status, 200)
  for (const path of ['/things', '/api/v1', '/api/v1things', '/api/v1/'])
    t.equal((await send({ path })).status, 404, path)
})

t.test('CORS headers are sent to the configured origins only', async (t) => {
  const plain = await serve(t, routes)
  const bare = await plain.send({ path: '/things', headers: { origin: 'https://a.example' } })
  t.equal(bare.headers['access-control-allow-origin'], undefined)
  const { send } = await serve(t, routes, { settings: { cors: { origins: ['https://a.example'] } } })
  const known = await send({ path: '/things', headers: { origin: 'https://a.example' } })
  t.equal(known.headers['access-control-allow-origin'], 'https://a.example')
  t.match(known.headers['access-control-expose-headers'], /X-Total-Count/)
  const other = await send({ path: '/things', headers: { origin: 'https://b.example' } })
  t.not(other.headers['access-control-allow-origin'], 'https://b.example')
  const preflight = await send({
    method: 'OPTIONS',
    path: '/things',
    headers: {
      origin: 'https://a.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    },
  })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers['access-control-allow-headers'], 'authorization')
  t.equal(
    (await send({ path: '/nothing', headers: { origin: 'https://a.example' } })).headers[
      'access-control-allow-origin'
    ],
    'https://a.example',
  )
})

t.test('metrics count requests by route template', async (t) => {
  const { send, metrics } = await serve(t, routes)
  await send({ path: '/things/1' })
  await send({ path: '/things/2' })
  await send({ path: '/nothing/at/all' })
  const { body } = await metrics.text()
  t.match(body, /biodm_request_seconds_count\{method="GET",route="\/things\/\{id\}",status="200"\} 2/)
  t.match(body, /route="none",status="404"/)
  t.notMatch(body, /at\/all/)
})
