/** The limit on SQLite: node:http and cached better-sqlite3 statements that build the JSON text themselves. */
import { createServer } from 'node:http'
import Sqlite from 'better-sqlite3'
import { sqliteRelease } from './release.mjs'

const path = process.env['BENCH_DATABASE'].slice('sqlite:'.length)
const db = new Sqlite(path, { readonly: true })
db.pragma('cache_size = -32000')

const file = (f) =>
  `json_object('id', ${f}.id, 'filename', ${f}.filename, 'extension', ${f}.extension, 'size', ${f}.size,` +
  ` 'created_at', ${f}.created_at, 'dataset_id', ${f}.dataset_id)`
const dataset = (d) =>
  `'id', ${d}.id, 'name', ${d}.name, 'description', ${d}.description, 'status', ${d}.status, 'size', ${d}.size,` +
  ` 'created_at', ${d}.created_at, 'project_id', ${d}.project_id, 'contact_username', ${d}.contact_username`
const nested = (d) => `json_object(${dataset(d)},
  'project', (SELECT json_object('id', p.id, 'name', p.name, 'description', p.description)
    FROM project p WHERE p.id = ${d}.project_id),
  'contact', (SELECT json_object('username', u.username, 'email', u.email, 'first', u.first, 'last', u.last)
    FROM person u WHERE u.username = ${d}.contact_username),
  'tags', (SELECT json_group_array(json_object('name', t.name) ORDER BY t.name)
    FROM dataset_tag l JOIN tag t ON t.name = l.tag_name WHERE l.dataset_id = ${d}.id),
  'files', (SELECT json_group_array(${file('f')} ORDER BY f.id) FROM file f WHERE f.dataset_id = ${d}.id))`

const prepare = (text) => db.prepare(text).pluck()
const point = (statement) => (id) => statement.get(id)
const list = (statement) => () => statement.get()

const ROUTES = {
  '/l0/files/': point(prepare(`SELECT ${file('f')} FROM file f WHERE f.id = ?`)),
  '/l0/datasets/': point(prepare(`SELECT ${nested('d')} FROM dataset d WHERE d.id = ?`)),
  '/l0/files': list(
    prepare(
      `SELECT json_group_array(json(j)) FROM (SELECT ${file('f')} AS j FROM file f ORDER BY f.id LIMIT 50)`,
    ),
  ),
  '/l0/datasets': list(
    prepare(
      `SELECT json_group_array(json(j)) FROM (SELECT ${nested('d')} AS j FROM dataset d ORDER BY d.id LIMIT 50)`,
    ),
  ),
}

const release = sqliteRelease(new Sqlite(path))
const RELEASE = /^\/l0\/runs\/(\d+)_(\d+)\/release$/

function read(url) {
  const slash = url.lastIndexOf('/')
  const route = slash > 3 ? url.slice(0, slash + 1) : url
  return ROUTES[route](slash > 3 ? Number(url.slice(slash + 1)) : undefined)
}

const server = createServer((request, response) => {
  const released = request.method === 'POST' ? RELEASE.exec(request.url) : null
  const text = released === null ? read(request.url) : release(Number(released[1]), Number(released[2]))
  response.writeHead(released === null ? 200 : 201, [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(text)),
  ])
  response.end(text)
})
server.listen(0, '127.0.0.1', () =>
  console.log(`limits listening on http://127.0.0.1:${server.address().port}`),
)
process.once('SIGTERM', () => process.exit(0))
