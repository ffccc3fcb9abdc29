// node upload.mjs http://127.0.0.1:8000/files FILE [PARALLEL]     Interrupted? Run it again: it goes on.
import { openAsBlob } from 'node:fs'
import { basename, extname } from 'node:path'

const [files, path, parallel = 4] = process.argv.slice(2)
const content = await openAsBlob(path)
const [suffix, size] = [extname(path), content.size]
const about = { filename: basename(path, suffix), extension: suffix.slice(1) || 'bin', size }

async function call(method, url, body) {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
  if (process.env.BIODM_TOKEN) headers.Authorization = `Bearer ${process.env.BIODM_TOKEN}`
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`)
  return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
}

async function send(part) {
  const bytes = content.slice(part.offset, part.offset + part.size)
  let body = bytes
  if (part.method === 'POST') {
    body = new FormData()
    for (const [name, value] of Object.entries(part.fields)) body.append(name, value)
    body.append('file', bytes) // last: the store ignores what follows
  }
  const response = await fetch(part.url, { method: part.method, body })
  if (!response.ok) throw new Error(`part ${part.part_number}: ${response.status} ${await response.text()}`)
}

function show(parts) {
  const done = parts.reduce((sum, part) => sum + (part.etag ? part.size : 0), 0)
  const percent = size === 0 ? 100 : Math.floor((100 * done) / size)
  process.stderr.write(`\r[${'#'.repeat(percent * 0.4).padEnd(40, '.')}] ${percent} %`)
}

const literal = about.filename.replace(/[\\,*]/g, '\\$&') // what the filter grammar gives a meaning
const query = new URLSearchParams({ ...about, filename: literal, ready: 'false' })
const [pending] = await call('GET', `${files}?${query}`)
const { id } = pending ?? (await call('POST', files, about))
let upload = await call('GET', `${files}/${id}/upload`).catch(() => call('POST', `${files}/${id}/upload`))

while (upload.parts.some((part) => part.url !== null)) {
  const todo = upload.parts.filter((part) => part.url !== null)
  show(upload.parts)
  const workers = Array.from({ length: Number(parallel) }, async () => {
    for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
      await send(part)
      part.etag = 'sent'
      show(upload.parts)
    }
  })
  await Promise.all(workers)
  if (upload.parts[0].method === 'POST') break // the store has called back already
  upload = await call('GET', `${files}/${id}/upload`)
}
const list = upload.parts.map((part) => ({ PartNumber: part.part_number, ETag: part.etag }))
await call('PUT', `${files}/${id}/complete`, upload.parts[0].method === 'POST' ? undefined : list)
console.log(`\n${files}/${id}`)
