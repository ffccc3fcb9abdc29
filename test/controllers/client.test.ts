import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import ts from 'typescript'
import { HEADER_AUTH, startApi } from '../helpers/api.js'

const CONFIG = `
name: omics
plugins: { ${HEADER_AUTH}: {} }
resources:
  Project:
    columns: { name: string(50)! }
    relations: { datasets: { many: Dataset } }
  Dataset:
    columns: { name: string(50)!, size: integer, status: { type: enum, values: [draft, final], default: draft } }
    relations: { project: { one: Project, required: true }, tags: { many: Tag, through: dataset_tag } }
    access: { delete: admin }
  Tag: { columns: { name: { type: string, primary: true } } }
`

/** What somebody writes against the generated types. */
const CLIENT = `
import createClient from 'openapi-fetch'
import type { paths } from './schema.js'

export async function run(baseUrl: string) {
  const client = createClient<paths>({ baseUrl })
  const made = await client.POST('/datasets', {
    body: { name: 'first', size: 7, project: { name: 'alpha' }, tags: [{ name: 'red' }] },
  })
  const one = Array.isArray(made.data) ? undefined : made.data
  const id = one?.id ?? 0
  const listed = await client.GET('/datasets', { params: { query: { status: ['draft', 'final'], sort: '-id', count: true } } })
  const filtered = await client.GET('/datasets', { params: { query: { q: encodeURIComponent('size.gt(100)') } } })
  const read = await client.GET('/datasets/{id}', { params: { path: { id } } })
  const patched = await client.PATCH('/datasets/{id}', { params: { path: { id } }, body: { status: 'final' } })
  const tags = await client.GET('/datasets/{id}/tags', { params: { path: { id } } })
  const refused = await client.DELETE('/datasets/{id}', { params: { path: { id } } })
  const removed = await client.DELETE('/datasets/{id}', {
    params: { path: { id } },
    headers: { 'x-user': 'ada', 'x-groups': 'admin' },
  })
  return {
    project: one?.project?.name,
    names: listed.data?.map(({ name }) => name),
    filtered: filtered.data?.length,
    size: read.data?.size,
    status: patched.data?.status,
    tags: tags.data?.map(({ name }) => name),
    code: refused.error?.code,
    removed: removed.response.status,
  }
}
`

const WRONG = [
  "client.POST('/datasets', { body: { name: 'first', status: 'finished' } })",
  "client.GET('/datasetz')",
  "client.GET('/datasets', { params: { query: { start: 'x' } } })",
]

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
}

/** Faults as `line: message`. */
function compile(file: string): readonly string[] {
  const program = ts.createProgram([file], OPTIONS)
  const faults = ts.getPreEmitDiagnostics(program)
  program.emit()
  return faults.map(({ messageText, file: source, start }) => {
    const line = (source?.getLineAndCharacterOfPosition(start ?? 0).line ?? -1) + 1
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

t.test('a client generated from /schema compiles and works', async (t) => {
  const api = await startApi(t, CONFIG)
  const { body } = await api.get('/schema')
  const types = astToString(await openapiTS(body as never))
  const dir = t.testdir({ 'package.json': '{ "type": "module" }', 'schema.ts': types, 'client.ts': CLIENT })
  t.same(compile(`${dir}/client.ts`), [])
  const { run }: { run(url: string): Promise<unknown> } = await import(pathToFileURL(`${dir}/client.js`).href)
  t.same(await run(api.url), {
    project: 'alpha',
    names: ['first'],
    filtered: 0,
    size: 7,
    status: 'final',
    tags: ['red'],
    code: 'authentication_required',
    removed: 204,
  })

  const head = CLIENT.split('\n').slice(0, 6)
  writeFileSync(`${dir}/wrong.ts`, [...head, ...WRONG.map((line) => `  await ${line}`), '}'].join('\n'))
  const lines = new Set(compile(`${dir}/wrong.ts`).map((fault) => Number.parseInt(fault, 10)))
  t.same(
    [...lines],
    WRONG.map((_, index) => head.length + 1 + index),
    'each misuse is told by the types',
  )
})
