/** A process that is killed in the middle of an upload's life: what stays, and what one sweep makes of it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { httpClient, startApi } from '../../helpers/api.js'
import { testDatabaseUrl } from '../../helpers/databases.js'
import { leftovers, managerOf, nothingLeft, sweepNow } from './janitor-suite.js'
import { collect } from './store-suite.js'
import { MB, sendParts, type World } from './world.js'

const KILLER = fileURLToPath(new URL('./killer.ts', import.meta.url))
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))

const FILES = {
  File: {
    traits: ['killer.early', 's3.file'],
    hooks: {
      create: { postfix: ['killer.begun', 'killer.committed'] },
      complete: { postfix: ['killer.completed'] },
    },
  },
}

/** A server in a process of its own that kills itself at `place`. */
async function doomed(t: Test, config: object, database: string, place: string) {
  const child = fork(CHILD, [JSON.stringify(config), database], {
    env: { ...process.env, KILL_AT: place },
    execArgv: process.execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const [url] = (await Promise.race([once(child, 'message'), ended])) as [string]
  if (typeof url !== 'string') throw new Error(`the child ended with ${String(url)}`)
  return { api: httpClient(url), ended }
}

export function shouldSurviveKills(t: Test, world: World): void {
  const begin = async (t: Test) => {
    const database = await testDatabaseUrl(t, world.dialect, { file: true })
    const s3 = { ...(await world.store(t)), multipart: { threshold: '5mb', part_size: '5mb' } }
    const config = { name: 'crash', auth: 'off', plugins: { [KILLER]: {}, s3 }, resources: FILES }
    const later = () => startApi(t, config, { dialect: world.dialect, database })
    return { database, config, later }
  }
  const big = { filename: 'b', extension: 'bin', size: 6 * MB }

  for (const place of ['inserted', 'begun'] as const) {
    t.test(`killed before the commit (${place}): no row, and no upload after a sweep`, async (t) => {
      const { database, config, later } = await begin(t)
      const child = await doomed(t, config, database, place)
      await t.rejects(child.api.post('/files', [big, { ...big, filename: 'c' }]))
      await child.ended
      const api = await later()
      t.same((await api.get('/files')).body, [])
      t.equal((await leftovers(api)).uploads.length, place === 'begun' ? 2 : 0)
      await sweepNow(api, { olderThanMs: 0 })
      t.ok(await nothingLeft(api))
    })
  }

  t.test('killed after the commit: the file is there and can be uploaded', async (t) => {
    const { database, config, later } = await begin(t)
    const child = await doomed(t, config, database, 'committed')
    await child.api.post('/files', big).catch(() => {})
    await child.ended
    const api = await later()
    t.equal((await api.get('/files')).body.length, 1)
    const { parts } = (await api.get('/files/1/upload')).body
    t.equal((await api.put('/files/1/complete', await sendParts(parts, Buffer.alloc(big.size)))).status, 201)
    t.ok(await nothingLeft(api))
  })

  t.test('killed between the completion in the store and the commit: it is repeated', async (t) => {
    const { database, config, later } = await begin(t)
    const child = await doomed(t, config, database, 'completed')
    const made = await child.api.post('/files', big)
    const list = await sendParts(made.body.upload.parts, Buffer.alloc(big.size))
    await t.rejects(child.api.put('/files/1/complete', list))
    await child.ended
    const api = await later()
    t.match((await api.get('/files/1')).body, { ready: false }, 'no file is ready without its commit')
    const { parts } = (await api.get('/files/1/upload')).body
    t.ok(
      parts.every((part: { etag: string | null }) => part.etag !== null),
      'a client that looks finds everything sent',
    )
    t.equal((await api.put('/files/1/complete', list)).status, 201)
    t.match((await api.get('/files/1')).body, { ready: true })
  })

  t.test('killed there and never repeated: nothing stays in the store', async (t) => {
    const { database, config, later } = await begin(t)
    const child = await doomed(t, config, database, 'completed')
    const made = await child.api.post('/files', big)
    const list = await sendParts(made.body.upload.parts, Buffer.alloc(big.size))
    await t.rejects(child.api.put('/files/1/complete', list))
    await child.ended
    const api = await later()
    const { store, settings } = managerOf(api)
    const key = await api.runtime.core.database.rows({
      text: 'SELECT object_key FROM biodm_upload',
      values: [],
    })
    const objectKey = String(key[0]?.['object_key'])
    t.equal((await store.head(objectKey))?.size, big.size)
    await sweepNow(api, { olderThanMs: 0 })
    t.ok(await nothingLeft(api))
    for (let i = 0; i < 100 && (await store.head(objectKey)) !== null; i++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(await store.head(objectKey), null)
    t.same(await collect(store.listUploads(settings.prefix)), [])
  })
}
