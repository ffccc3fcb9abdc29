import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ADMIN, startApp } from '../../plugins/keycloak/app.js'
import { bearer } from '../../plugins/keycloak/suites/auth.js'
import { remoteUser } from '../../plugins/keycloak/suites/resources.js'
import { type RealWorld, startReal } from './world.js'

/** A line to Keycloak that can be cut. */
async function cuttable(t: Test, target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const line = { cut: false }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    if (line.cut) {
      socket.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    socket.pipe(upstream).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      line.cut = true
      for (const socket of sockets) socket.destroy()
    },
    mend() {
      line.cut = false
    },
  }
}

/** Disables or adds signing keys as an operator does. */
async function rotate(world: RealWorld, priority: number): Promise<void> {
  const root = await world.operator()
  const realm = await root.realms.findOne({ realm: world.realm })
  await root.components.create({
    realm: world.realm,
    name: `rsa-${priority}`,
    providerId: 'rsa-generated',
    providerType: 'org.keycloak.keys.KeyProvider',
    parentId: realm?.id ?? '',
    config: {
      priority: [String(priority)],
      enabled: ['true'],
      active: ['true'],
      algorithm: ['RS256'],
      keySize: ['2048'],
    },
  })
}

t.test('a rotated key is found, and one that was disabled stops counting', async (t) => {
  const world = await startReal(t)
  const app = await startApp(t, 'sqlite', world)
  const before = await world.accessToken('bob')
  t.match(await app.client.get('/authenticated', bearer(before)), { status: 200 })
  await rotate(world, 500)
  await new Promise((resolve) => setTimeout(resolve, 5_100))
  const after = await world.accessToken('alice')
  t.match(await app.client.get('/authenticated', bearer(after)), { status: 200, body: { username: 'alice' } })
  t.match(
    await app.client.get('/authenticated', bearer(before)),
    { status: 200 },
    'the passive key still counts',
  )
  t.match(
    await app.as(ADMIN).post('/users', { username: 'bob' }),
    { status: 201 },
    'the service account goes on',
  )
})

t.test('an outage in the middle', async (t) => {
  const world = await startReal(t)
  const line = await cuttable(t, world.url)
  const app = await startApp(t, 'postgres', world, { keycloak: { internal_host: line.url } })
  const admin = app.as(ADMIN)
  const bob = bearer(await world.accessToken('bob'))
  t.match(await app.client.get('/authenticated', bob), { status: 200 })
  t.match(await admin.post('/users', { username: 'bob' }), { status: 201 })

  line.cut()
  const alice = bearer(await world.accessToken('alice'))
  t.match(await app.client.get('/authenticated', alice), { status: 200 }, 'known keys go on verifying')
  t.match(await admin.post('/users', { username: 'carol' }), { status: 503, headers: { 'retry-after': '5' } })
  t.match(await admin.post('/groups', { path: 'lab__x' }), { status: 503 })
  t.match(await app.client.post('/refresh', { refresh_token: 'a.b.c' }), { status: 503 })
  t.match(await admin.post('/kc_sync'), { status: 503 })
  t.match(
    await admin.post('/datasets', { name: 'd', contact: { username: 'bob' } }),
    { status: 201 },
    'who is known here',
  )
  t.match(await admin.delete('/users/bob').then(({ status }) => status), 409, 'who is referred to stays')
  t.match(await admin.get('/users'), { status: 200, body: [{ username: 'bob' }] })

  line.mend()
  t.match(await admin.post('/users', { username: 'carol' }), { status: 201 })
  t.ok(await remoteUser(world, 'carol'))
})

t.test('a server starts without Keycloak and finds it later', async (t) => {
  const world = await startReal(t)
  const line = await cuttable(t, world.url)
  line.cut()
  const app = await startApp(t, 'sqlite', world, { keycloak: { internal_host: line.url } })
  const token = bearer(await world.accessToken('bob'))
  t.match(await app.client.get('/authenticated', token), { status: 503 })
  t.match(await app.client.get('/live'), { status: 200 })
  line.mend()
  await new Promise((resolve) => setTimeout(resolve, 5_100))
  t.match(await app.client.get('/authenticated', token), { status: 200 })
})
