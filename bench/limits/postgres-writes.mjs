/**
 * Writes by hand: a named bare insert, one CTE for a whole tree, `json_to_recordset` for an array. Nothing is validated
 * and no history is kept.
 */
const time = (sql) => `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const fileRow =
  `row_to_json((SELECT r FROM (SELECT f.id, f.filename, f.extension, f.size,` +
  ` ${time('f.created_at')} AS created_at, f.dataset_id) r))`

const ONE = `INSERT INTO file AS f (filename, extension, size, dataset_id, created_at)
  VALUES ($1, $2, $3, $4, now()) RETURNING ${fileRow}`

const MANY = `INSERT INTO file AS f (filename, extension, size, dataset_id, created_at)
  SELECT filename, extension, size, dataset_id, now()
  FROM json_to_recordset($1) AS x(filename text, extension text, size bigint, dataset_id integer) RETURNING ${fileRow}`

const TREE = `WITH body AS (SELECT $1::json AS j),
  p AS (INSERT INTO project (name) SELECT j->>'name' FROM body RETURNING id, name, description),
  i AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('dataset', 'id'))::integer AS id, x.value
    FROM body, json_array_elements(j->'datasets') AS x(value)),
  d AS (INSERT INTO dataset (id, name, description, status, size, created_at, project_id)
    SELECT i.id, value->>'name', value->>'description', 'draft', (value->>'size')::bigint, now(), p.id FROM i, p),
  f AS (INSERT INTO file (filename, extension, size, created_at, dataset_id)
    SELECT x.filename, x.extension, x.size, now(), i.id
    FROM i, json_to_recordset(i.value->'files') AS x(filename text, extension text, size bigint)),
  l AS (INSERT INTO dataset_tag (dataset_id, tag_name)
    SELECT i.id, x.name FROM i, json_to_recordset(i.value->'tags') AS x(name text))
  SELECT row_to_json(p) FROM p`

/** Path → body → JSON text of the answer. */
export function writes(pool) {
  const run = async (name, text, values) => (await pool.query({ name, text, values, rowMode: 'array' })).rows
  return {
    '/l0/files': async (body) => {
      if (body.startsWith('[')) {
        const rows = await run('l0_many', MANY, [body])
        return `[${rows.map(([text]) => text).join(',')}]`
      }
      const { filename, extension, size, dataset_id } = JSON.parse(body)
      return (await run('l0_one', ONE, [filename, extension, size, dataset_id]))[0][0]
    },
    '/l0/projects': async (body) => (await run('l0_tree', TREE, [body]))[0][0],
  }
}

/** The whole body of a request as text. */
export async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
