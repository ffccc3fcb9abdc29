import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Api, startApi } from '../helpers/api.js'
import { sha256 } from '../plugins/s3/store-suite.js'
import type { Part } from '../plugins/s3/world.js'

const MB = 1024 ** 2
const EXAMPLE = fileURLToPath(new URL('../../examples/upload', import.meta.url))
const SCRIPT = join(EXAMPLE, 'upload.mjs')

async function example(t: Parameters<typeof startApi>[0] & { testdir(): string }): Promise<Api> {
  const store = { S3_ENDPOINT: `file:${t.testdir()}/objects` }
  return await startApi(t, join(EXAMPLE, 'biodm.yaml'), { overrides: { env: store } })
}

function upload(api: Api, path: string) {
  const child = spawn(process.execPath, [SCRIPT, `${api.url}/files`, path, '2'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let shown = ''
  let said = ''
  child.stderr.on('data', (text) => (shown += text))
  child.stdout.on('data', (text) => (said += text))
  return { child, ended: once(child, 'exit'), shown: () => shown, said: () => said }
}

async function content(api: Api, id: number): Promise<Buffer> {
  const { url } = (await api.get(`/files/${id}/download?redirect=false`)).body
  return Buffer.from(await (await fetch(url)).arrayBuffer())
}

t.test('the script is short and needs nothing', async (t) => {
  const text = readFileSync(SCRIPT, 'utf8')
  t.ok(text.trimEnd().split('\n').length < 60)
  const imports = [...text.matchAll(/^import .* from '(.*)'$/gm)].map(([, from]) => from)
  t.ok(imports.every((from) => from?.startsWith('node:')))
})

t.test('a large file goes up in parallel parts, and goes on after an interruption', async (t) => {
  const api = await example(t)
  const bytes = randomBytes(23 * MB)
  const path = join(t.testdir(), 'big, *.bin')
  await writeFile(path, bytes)

  const first = upload(api, path)
  for (let arrived = 0; arrived < 1; ) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { body } = await api.get('/files/1/upload')
    arrived = (body.parts ?? []).filter((part: Part) => part.etag !== null).length
    if (first.child.exitCode !== null) break
  }
  first.child.kill('SIGKILL')
  await first.ended

  const second = upload(api, path)
  const [code] = await second.ended
  t.equal(code, 0, second.shown())
  t.match(second.shown(), /\[#{40}\] 100 %/)
  t.match(second.said(), new RegExp(`${api.url}/files/1`))
  t.equal((await api.get('/files?count=true')).body.length, 1, 'the same file')
  t.equal(sha256(await content(api, 1)), sha256(bytes))
})

t.test('a small file goes up by its form', async (t) => {
  const api = await example(t)
  const path = join(t.testdir(), 'note.txt')
  await writeFile(path, 'hello')
  const run = upload(api, path)
  const [code] = await run.ended
  t.equal(code, 0, run.shown())
  t.equal((await content(api, 1)).toString(), 'hello')
})

t.test('what the server refuses is said', async (t) => {
  const api = await example(t)
  const path = join(t.testdir(), 'a..b.txt')
  await writeFile(path, 'hello')
  const run = upload(api, path)
  const [code] = await run.ended
  t.equal(code, 1)
  t.match(run.shown(), /may not hold/)
})
