/**
 * What can be reached on PostgreSQL with nothing in between: node:http, pg, named statements, JSON text built in SQL.
 * `/l0/…` is how one writes it by hand, `/l1/…` the best form known: pipelined connections for single rows; for nested lists
 * one text for each row, children aggregated once for the page, the array joined in JavaScript.
 */
import { createServer } from 'node:http'
import pg from 'pg'
import { bodyOf, writes } from './postgres-writes.mjs'
import { postgresRelease } from './release.mjs'

const connectionString = process.env['BENCH_DATABASE']
const types = { getTypeParser: () => (text) => text }
const pool = new pg.Pool({ connectionString, max: 10, min: 10, idleTimeoutMillis: 0, types })
const pipes = await Promise.all(
  [0, 1].map(async () => {
    const client = new pg.Client({ connectionString, types, pipeline: true })
    await client.connect()
    return client
  }),
)

const time = (sql) => `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const file = (f) =>
  `${f}.id, ${f}.filename, ${f}.extension, ${f}.size, ${time(`${f}.created_at`)} AS created_at, ${f}.dataset_id`
const dataset = (d) =>
  `${d}.id, ${d}.name, ${d}.description, ${d}.status, ${d}.size, ${time(`${d}.created_at`)} AS created_at,` +
  ` ${d}.project_id, ${d}.contact_username`
const filePairs = (f) =>
  `'id', ${f}.id, 'filename', ${f}.filename, 'extension', ${f}.extension, 'size', ${f}.size,` +
  ` 'created_at', ${time(`${f}.created_at`)}, 'dataset_id', ${f}.dataset_id`
const datasetPairs = (d) =>
  `'id', ${d}.id, 'name', ${d}.name, 'description', ${d}.description, 'status', ${d}.status, 'size', ${d}.size,` +
  ` 'created_at', ${time(`${d}.created_at`)}, 'project_id', ${d}.project_id, 'contact_username', ${d}.contact_username`
const nested = (d) => `
  'project', (SELECT json_build_object('id', p.id, 'name', p.name, 'description', p.description)
    FROM project p WHERE p.id = ${d}.project_id),
  'contact', (SELECT json_build_object('username', u.username, 'email', u.email, 'first', u.first, 'last', u.last)
    FROM person u WHERE u.username = ${d}.contact_username),
  'tags', (SELECT COALESCE(json_agg(json_build_object('name', t.name) ORDER BY t.name), '[]')
    FROM dataset_tag l JOIN tag t ON t.name = l.tag_name WHERE l.dataset_id = ${d}.id),
  'files', (SELECT COALESCE(json_agg(json_build_object(${filePairs('f')}) ORDER BY f.id), '[]')
    FROM file f WHERE f.dataset_id = ${d}.id)`

const L0 = {
  flat: `SELECT json_build_object(${filePairs('f')}) FROM file f WHERE f.id = $1`,
  nested: `SELECT json_build_object(${datasetPairs('d')}, ${nested('d')}) FROM dataset d WHERE d.id = $1`,
  flatList: `SELECT COALESCE(json_agg(json_build_object(${filePairs('f')}) ORDER BY f.id), '[]')
    FROM (SELECT * FROM file ORDER BY id LIMIT 50) f`,
  nestedList: `SELECT COALESCE(json_agg(json_build_object(${datasetPairs('d')}, ${nested('d')}) ORDER BY d.id), '[]')
    FROM (SELECT * FROM dataset ORDER BY id LIMIT 50) d`,
}

const page = (d) => `SELECT ${d}.id FROM page ${d}`
const L1 = {
  flat: `SELECT row_to_json(r) FROM (SELECT ${file('f')} FROM file f WHERE f.id = $1) r`,
  nested: `SELECT row_to_json(r) FROM (SELECT ${dataset('d')},
    (SELECT row_to_json(x) FROM (SELECT p.id, p.name, p.description FROM project p WHERE p.id = d.project_id) x) AS project,
    (SELECT row_to_json(x) FROM (SELECT u.username, u.email, u.first, u.last FROM person u WHERE u.username = d.contact_username) x) AS contact,
    (SELECT COALESCE(json_agg(x), '[]') FROM (SELECT t.name FROM dataset_tag l JOIN tag t ON t.name = l.tag_name
      WHERE l.dataset_id = d.id ORDER BY t.name) x) AS tags,
    (SELECT COALESCE(json_agg(x), '[]') FROM (SELECT ${file('f')} FROM file f WHERE f.dataset_id = d.id ORDER BY f.id) x) AS files
    FROM dataset d WHERE d.id = $1) r`,
  flatList: `SELECT row_to_json(r) FROM (SELECT ${file('f')} FROM file f ORDER BY f.id LIMIT 50) r`,
  nestedList: `WITH page AS MATERIALIZED (SELECT * FROM dataset ORDER BY id LIMIT 50)
    SELECT row_to_json(r) FROM (SELECT ${dataset('d')}, row_to_json(p) AS project, row_to_json(u) AS contact,
      COALESCE(c.j, '[]') AS tags, COALESCE(f.j, '[]') AS files
    FROM page d
    LEFT JOIN (SELECT id, name, description FROM project) p ON p.id = d.project_id
    LEFT JOIN (SELECT username, email, first, last FROM person) u ON u.username = d.contact_username
    LEFT JOIN (SELECT l.dataset_id AS k, json_agg((SELECT r FROM (SELECT t.name) r) ORDER BY t.name) AS j
      FROM dataset_tag l JOIN tag t ON t.name = l.tag_name WHERE l.dataset_id = ANY(ARRAY(${page('g')})) GROUP BY 1) c ON c.k = d.id
    LEFT JOIN (SELECT x.dataset_id AS k, json_agg(x ORDER BY x.id) AS j
      FROM (SELECT ${file('f')} FROM file f WHERE f.dataset_id = ANY(ARRAY(${page('g')}))) x GROUP BY 1) f ON f.k = d.id
    ORDER BY d.id) r`,
}

let turn = 0
const byPool = async (name, text, values) => (await pool.query({ name, text, values, rowMode: 'array' })).rows
const byPipe = async (name, text, values) =>
  (await pipes[turn++ % pipes.length].query({ name, text, values, rowMode: 'array' })).rows

const point = (level, name, query, run) => async (id) => {
  const rows = await run(`${level}_${name}`, query, [id])
  return rows[0]?.[0]
}
const one = (name, query) => async () => (await byPool(`l0_${name}`, query, []))[0][0]
const many = (name, query) => async () =>
  `[${(await byPool(`l1_${name}`, query, [])).map(([text]) => text).join(',')}]`

const ROUTES = {
  '/l0/files': one('flat_list', L0.flatList),
  '/l0/datasets': one('nested_list', L0.nestedList),
  '/l1/files': many('flat_list', L1.flatList),
  '/l1/datasets': many('nested_list', L1.nestedList),
  '/l0/files/': point('l0', 'flat', L0.flat, byPool),
  '/l0/datasets/': point('l0', 'nested', L0.nested, byPool),
  '/l1/files/': point('l1', 'flat', L1.flat, byPipe),
  '/l1/datasets/': point('l1', 'nested', L1.nested, byPipe),
}

const WRITES = writes(pool)
const release = postgresRelease(pool)
const RELEASE = /^\/l0\/runs\/(\d+)_(\d+)\/release$/

const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    const body = await bodyOf(request)
    const released = RELEASE.exec(request.url)
    const text =
      released === null
        ? await WRITES[request.url](body)
        : await release(Number(released[1]), Number(released[2]))
    response.writeHead(201, [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(text)),
    ])
    response.end(text)
    return
  }
  const slash = request.url.lastIndexOf('/')
  const route = slash > 3 ? request.url.slice(0, slash + 1) : request.url
  const text = await ROUTES[route](slash > 3 ? Number(request.url.slice(slash + 1)) : undefined)
  if (text === undefined) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, [
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
