/**
 * Requests made from the server's own /schema, well-formed and not: whatever comes, no answer is a 5xx, and every error
 * is a problem document with a code of the table. `BIODM_FUZZ=20000` makes more of them.
 */
import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import { ERRORS } from '../../src/errors.js'
import type { ClientResponse } from '../../src/runtime/client.js'
import { HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { type Document, requests } from './requests.js'

const REQUESTS = Number(process.env['BIODM_FUZZ'] ?? 1500)

const CONFIG = `
name: fuzz
plugins: { ${HEADER_AUTH}: {} }
resources:
  Project:
    columns: { name: string(20)!, secret: { type: text, hidden: true }, budget: "decimal(8,2)" }
    relations: { datasets: { many: Dataset } }
    permissions: { datasets: { verbs: [read, write], propagate: [files] }, self: { verbs: [read] } }
  Dataset:
    versioned: true
    columns:
      name: string(20)!
      status: { type: enum, values: [draft, final], default: draft }
      size: { type: bigint, min: 0 }
      ratio: number
      day: date
      at: { type: datetime, default: now }
      ref: uuid
      meta: json
      open: boolean
      made_by: { type: string, default: user }
    relations:
      project: { one: Project, required: true }
      tags: { many: Tag, through: dataset_tag }
      files: { many: File }
      cover: { one: Cover, via: dataset }
    access: { delete: admin, create: authenticated }
  File:
    columns: { filename: { type: string(30), required: true, pattern: "^[a-z.]+$" } }
    relations: { dataset: { one: Dataset, on_delete: cascade } }
    unique: [[filename, dataset]]
  Cover:
    columns: { title: text }
    relations: { dataset: { one: Dataset, unique: true, on_delete: set_null } }
  Tag:
    versioned: strict
    columns: { name: { type: string(20), primary: true }, note: text }
  Pair:
    columns: { left: { type: string(5), primary: true }, right: { type: integer, primary: true } }
    relations: { twin: { one: Pair } }
`

const unanswered: ClientResponse = { status: 0, body: undefined, headers: {} }

const CALLERS = [
  null,
  { username: 'ada', groups: ['admin'] },
  { username: 'bob', groups: ['genomics'] },
  { username: 'eve', groups: [] },
]

for (const dialect of DIALECTS) {
  t.test(`${dialect}: no request gives a 5xx`, { timeout: 3_600_000 }, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const clients = CALLERS.map((identity) => api.as(identity))
    const document = (await api.get('/schema')).body as Document
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(requests(document), fc.nat(CALLERS.length - 1), async (sent, who) => {
        const { status, body, headers } = (await clients[who]?.request(sent)) ?? unanswered

        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status >= 500) throw new Error(`${status} ${JSON.stringify(body)}`)
        if (status < 400) return
        const { code } = body as { code?: unknown }
        if (
          !String(headers['content-type']).startsWith('application/problem+json') ||
          !Object.hasOwn(ERRORS, String(code))
        ) {
          throw new Error(`${status} without a problem: ${JSON.stringify(body)}`)
        }
      }),
      { numRuns: REQUESTS },
    )
    t.comment(JSON.stringify(Object.fromEntries(statuses)))
    for (const status of [200, 201, 400, 401, 403, 404])
      t.ok(statuses.get(status), `some requests are answered by ${status}`)
    t.match(await api.get('/ready'), { status: 200 })
  })
}
