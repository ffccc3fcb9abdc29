/** The server over a store that fails: clients get one defined answer, and nothing is lost or left. */
import t, { type Test } from 'tap'
import type { Api } from '../../helpers/api.js'
import { leftovers } from '../../plugins/s3/janitor-suite.js'
import { sendForm } from '../../plugins/s3/store-suite.js'
import { follow, formOf, MB, sendParts, startFiles } from '../../plugins/s3/world.js'
import { pluginOptions, testBucket } from './bucket.js'
import { type Fault, type FaultProxy, faultProxy } from './proxy.js'

async function begin(t: Test): Promise<{ readonly api: Api; readonly proxy: FaultProxy }> {
  const { settings } = await testBucket(t)
  const proxy = await faultProxy(t, settings.endpoint ?? '')
  const store = async () => pluginOptions(settings, proxy.url)
  return { api: await startFiles(t, { dialect: 'postgres', store }), proxy }
}

const big = { filename: 'big', extension: 'bin', size: 6 * MB }
const small = { filename: 'a', extension: 'txt', size: 5 }
const HELLO = Buffer.from('hello')

t.test('a store that is away is 503, with nothing written', async (t) => {
  const { api, proxy } = await begin(t)
  for (const fault of ['refuse', 'reset', 'silent', 'html'] as const satisfies readonly Fault[]) {
    proxy.fail(() => fault)
    const started = Date.now()
    const answer = await api.post('/files', big)
    t.equal(answer.status, 503, fault)
    t.type(answer.headers['retry-after'], 'string', fault)
    t.ok(Date.now() - started < 8000, `${fault}: a transaction waits at most 5 s`)
    t.equal((await api.get('/ready')).status, 503, `${fault}: not ready`)
  }
  proxy.fail(() => 'silent')
  const made = await api.post('/files', small)
  t.equal(made.status, 201, 'a form needs no store')
  t.equal((await api.get('/files')).body.length, 1, 'reads need none either')
  t.type((await api.get(`/files/${made.body.id}`)).body.upload.parts[0].url, 'string')
  proxy.fail(() => 'pass')
  t.equal((await api.get('/ready')).status, 200)
  t.same((await leftovers(api)).uploads, [])
})

t.test('a completion whose answer was lost, or was an error, can be repeated', async (t) => {
  const { api, proxy } = await begin(t)
  for (const fault of ['lost', 'error', 'html', 'reset'] as const satisfies readonly Fault[]) {
    proxy.fail(() => 'pass')
    const made = await api.post('/files', { ...big, filename: fault })
    const { id, upload } = made.body
    const list = await sendParts(upload.parts, Buffer.alloc(big.size))
    proxy.fail((request) => (request.method === 'POST' ? fault : 'pass'))
    const first = await api.put(`/files/${id}/complete`, list)
    // when the object is there its HEAD decides at once
    t.equal(first.status, fault === 'lost' ? 201 : 503, fault)
    proxy.fail(() => 'pass')
    t.equal((await api.put(`/files/${id}/complete`, list)).status, 201, `${fault}, repeated`)
    t.equal((await api.get(`/files/${id}`)).body.ready, true)
  }
})

t.test('an error while asking for an object or its parts loses nothing', async (t) => {
  const { api, proxy } = await begin(t)
  const made = await api.post('/files', [small, big])
  const [form, parts] = made.body.map((file: { upload: { parts: [] } }) => file.upload.parts)
  const sent = await sendForm(formOf(form[0]), HELLO)
  const list = await sendParts(parts, Buffer.alloc(big.size))
  for (const fault of ['refuse', 'reset'] as const) {
    proxy.fail((request) => (request.method === 'HEAD' || request.method === 'GET' ? fault : 'pass'))
    t.equal((await follow(sent)).status, 503, `${fault}: the callback`)
    t.equal((await api.put('/files/1/complete')).status, 503, `${fault}: a completion`)
    t.equal((await api.put('/files/2/complete', list)).status, 503, `${fault}: a list of parts`)
    t.equal((await api.get('/files/2/upload')).status, 503, `${fault}: a look`)
  }
  proxy.fail((request) => (request.method === 'PUT' ? 'lost' : 'pass'))
  await follow(sent)
  proxy.fail(() => 'pass')
  t.equal((await follow(sent)).status, 201, 'a copy whose answer was lost is made again')
  t.equal((await api.put('/files/2/complete', list)).status, 201)
})
