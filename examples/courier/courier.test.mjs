// The tests of this example, as its users would write them: node --test examples/courier
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createRuntime } from 'biodm'
import { shouldBehaveLikeAPlugin } from 'biodm/testing'
import courier from './plugins/courier.js'

const CONFIG = fileURLToPath(new URL('./biodm.yaml', import.meta.url))
const ADA = { username: 'ada', groups: ['logistics'] }
const BOB = { username: 'bob', groups: ['lab'] }
const PARCEL = { content: 'liver slices', address: 'Barcelona', items: [{ label: 'A1' }, { label: 'A2' }] }

async function start(t) {
  const app = await createRuntime(CONFIG, { database: { url: 'sqlite::memory:' } })
  t.after(() => app.close())
  return { app, carrier: app.core.managers.courier }
}

const eventually = async (check) => {
  for (let round = 0; round < 200; round++) {
    if (check()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('it did not happen within 4 s')
}

test('a parcel is booked before it is written, and the carrier hears of it afterwards', async (t) => {
  const { app, carrier } = await start(t)
  const { status, body } = await app.as(BOB).post('/parcels', PARCEL)
  assert.equal(status, 201)
  assert.equal(body.booking, 'BK-000001')
  assert.equal(body.tracking_url, 'https://carrier.example/track/BK-000001')
  await eventually(() => carrier.events('BK-000001').includes('create'))
})

test('forbidden goods are refused at their place, also inside a tree, and the booking is undone', async (t) => {
  const { app, carrier } = await start(t)
  const items = [{ label: 'A1' }, { label: 'radioactive A2' }]
  const { status, body } = await app.as(BOB).post('/parcels', { ...PARCEL, items })
  assert.equal(status, 400)
  assert.deepEqual(body.errors, [{ pointer: '/items/1/label', message: 'must not be radioactive' }])
  assert.deepEqual(carrier.bookings(), [])
  assert.deepEqual((await app.as(BOB).get('/parcels')).body, [])
})

test('only logistics dispatches, once', async (t) => {
  const { app, carrier } = await start(t)
  const { body } = await app.as(BOB).post('/parcels', PARCEL)
  const path = `/parcels/${body.id}/dispatch`
  assert.equal((await app.as(BOB).post(path)).status, 403)
  assert.equal((await app.as(null).post(path)).status, 401)
  assert.equal((await app.as(ADA).post(path)).status, 200)
  assert.equal((await app.as(ADA).post(path)).status, 409)
  assert.equal((await app.as(BOB).get(`/parcels/${body.id}`)).body.state, 'dispatched')
  await eventually(() => carrier.events(body.booking).includes('dispatch'))
})

test('deleting a parcel cancels its booking', async (t) => {
  const { app, carrier } = await start(t)
  const { body } = await app.as(BOB).post('/parcels', PARCEL)
  assert.equal((await app.as(BOB).delete(`/parcels/${body.id}`)).status, 204)
  await eventually(() => carrier.bookings().length === 0)
})

test('a key tells who asks, and a wrong one is no anonymous caller', async (t) => {
  const { app } = await start(t)
  const post = (headers) => app.client.post('/parcels', PARCEL, headers)
  assert.equal((await post({})).status, 401)
  assert.equal((await post({ 'x-api-key': 'ada-secret' })).status, 201)
  assert.equal((await post({ 'x-api-key': 'guess' })).status, 401)
})

test('the services of the carrier are a public route, and in the OpenAPI document', async (t) => {
  const { app } = await start(t)
  assert.deepEqual((await app.as(null).get('/courier/services')).body, ['standard', 'express'])
  const { body } = await app.as(null).get('/schema')
  assert.ok(body.paths['/courier/services'].get)
  assert.ok(body.paths['/parcels/{id}/dispatch'].post)
})

test('a mistake in the options is reported at its line', async () => {
  await assert.rejects(
    createRuntime(
      { name: 'x', plugins: { './plugins/courier.js': { carrier: 7 } }, resources: { A: {} } },
      { dir: fileURLToPath(new URL('.', import.meta.url)) },
    ),
    /4:14 {2}error {2}expected text/,
  )
})

test('it behaves like a plugin', async (t) => {
  await shouldBehaveLikeAPlugin(t, courier, { options: { carrier: 'memory' } })
})
