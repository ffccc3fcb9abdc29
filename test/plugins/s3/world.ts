/** Servers with files for the tests of the s3 plugin, over the embedded store or a bucket. */
import type { Test } from 'tap'
import type { DialectName } from '../../../src/config/definition.js'
import { type Api, HEADER_AUTH, startApi } from '../../helpers/api.js'
import { putPart, sendForm } from './store-suite.js'

export const MB = 1024 ** 2

/** Options of the plugin that say where the store is. */
export type StoreOptions = (t: Test) => Promise<Readonly<Record<string, unknown>>>

/** A folder of this test. */
export const embeddedStore: StoreOptions = async (t) => ({ endpoint: `file:${t.testdir()}` })

export interface World {
  readonly dialect: DialectName
  readonly store: StoreOptions
}

/** Plain files, files of a versioned dataset, versioned files, and files behind rules. */
export const RESOURCES = {
  File: { traits: ['s3.file'] },
  Dataset: {
    versioned: true,
    columns: { name: 'string(50)!' },
    relations: { runs: { many: 'Run' } },
  },
  Run: {
    traits: { 's3.file': { key: '{dataset.name}/{key_salt}_{filename}.{extension}' } },
    relations: { dataset: { one: 'Dataset', required: true } },
    unique: [['filename', 'extension', 'dataset']],
  },
  Report: { versioned: true, traits: { 's3.file': { key: 'reports/{key_salt}.{extension}' } } },
} as const

export async function startFiles(
  t: Test,
  { dialect, store }: World,
  more: {
    readonly s3?: Readonly<Record<string, unknown>>
    readonly resources?: Readonly<Record<string, unknown>>
    readonly plugins?: Readonly<Record<string, unknown>>
    readonly database?: string
    readonly file?: boolean
    readonly server?: Readonly<Record<string, unknown>>
  } = {},
): Promise<Api> {
  const config = {
    name: 'files',
    ...(more.plugins === undefined ? { auth: 'off' } : {}),
    ...(more.server === undefined ? {} : { server: more.server }),
    plugins: {
      ...more.plugins,
      s3: { ...(await store(t)), multipart: { threshold: '5mb', part_size: '5mb' }, ...more.s3 },
    },
    resources: more.resources ?? RESOURCES,
  }
  return await startApi(t, config, {
    dialect,
    ...(more.file === undefined ? {} : { file: more.file }),
    ...(more.database === undefined ? {} : { database: more.database }),
  })
}

/** Callers by the headers `x-user` and `x-groups`. */
export const AUTH = Object.freeze({ [HEADER_AUTH]: {} })
export const who = (name: string, ...groups: string[]) => ({ 'x-user': name, 'x-groups': groups.join(',') })

export interface Part {
  readonly part_number: number
  readonly offset: number
  readonly size: number
  readonly method: 'POST' | 'PUT'
  readonly url: string | null
  readonly fields?: Readonly<Record<string, string>> | null
  readonly etag: string | null
}

export const formOf = (part: Part) => ({ url: part.url ?? '', fields: part.fields ?? {} })

/** A file with its content, complete. */
export async function uploadedFile(
  api: Api,
  path: string,
  bytes: Uint8Array,
  about: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: number }> {
  const made = await api.post(path, { filename: 'a', extension: 'txt', size: bytes.byteLength, ...about })
  if (made.status !== 201) throw new Error(`${made.status} ${JSON.stringify(made.body)}`)
  const { upload } = made.body
  if (upload.parts[0].method === 'POST') {
    await follow(await sendForm(formOf(upload.parts[0]), bytes))
  } else {
    const done = await api.put(`${path}/${made.body.id}/complete`, await sendParts(upload.parts, bytes))
    if (done.status !== 201) throw new Error(`${done.status} ${JSON.stringify(done.body)}`)
  }
  return made.body
}

/** As a browser goes on after a form. */
export async function follow(answer: Response): Promise<Response> {
  const location = answer.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${answer.status} ${await answer.text()}`)
  return await fetch(location, { headers: { origin: 'null' } })
}

export async function sendParts(
  parts: readonly Part[],
  bytes: Uint8Array,
): Promise<{ PartNumber: number; ETag: string }[]> {
  const list: { PartNumber: number; ETag: string }[] = []
  for (const part of parts) {
    const answer = await putPart(part.url ?? '', bytes.subarray(part.offset, part.offset + part.size))
    if (answer.status !== 200)
      throw new Error(`part ${part.part_number}: ${answer.status} ${await answer.text()}`)
    list.push({ PartNumber: part.part_number, ETag: answer.headers.get('etag') ?? '' })
  }
  return list
}

/** Until it holds, at most five seconds. */
export async function eventually(condition: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + 5000; Date.now() < end; ) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
