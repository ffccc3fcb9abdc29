/** What hooks, routes, jobs and the janitor share: made by `setup`, found as `ctx.managers.s3`. */
import { randomBytes } from 'node:crypto'
import { BiodmError, type Log, type ResourceFacts, type RuntimeTools } from 'biodm'
import type { Knex } from 'knex'
import { DEFAULT_TEMPLATE, PENDING, type Piece, parseTemplate } from './keys.js'
import { limiter } from './limit.js'
import type { Settings } from './options.js'
import { openBucket } from './store/bucket.js'
import { type EmbeddedStore, openEmbedded } from './store/embedded/index.js'
import { type ObjectHead, type ObjectStore, StoreError } from './store/store.js'
import type { Upload } from './uploads.js'

export interface FileManager {
  readonly settings: Settings
  readonly runtime: RuntimeTools
  readonly log: Log
  readonly store: ObjectStore
  /** The same store when it is ours to serve. */
  readonly embedded: EmbeddedStore | null
  /** Signs callbacks; shared by all processes. Read at the start: hooks sign inside transactions. */
  readonly secret: Uint8Array
  template(resource: ResourceFacts): readonly Piece[]
  /** Resources that have the trait. */
  fileResources(): readonly ResourceFacts[]
  /** Calls to the store that are made at once. */
  readonly limit: ReturnType<typeof limiter>
  /** Completions under way in this process, by upload: a repeated request waits for the same one. */
  readonly settling: Map<string, Promise<ObjectHead>>
  /** Uploads made in a transaction, by `uploadName`: its own answer needs no look-up and no permission for them. */
  readonly made: WeakMap<Knex, Map<string, Upload>>
  /** Place of a form's bytes until they are checked. */
  pendingKey(uploadId: string, key: string): string
  readonly pendingPrefix: string
}

export const TRAIT = 's3.file'
const CONCURRENCY = 16

export async function openManager(settings: Settings, runtime: RuntimeTools, log: Log): Promise<FileManager> {
  const secret = await sharedSecret(runtime)
  const pendingPrefix = `${settings.prefix}${PENDING}/`
  const embedded =
    settings.store.kind === 'embedded'
      ? openEmbedded({
          dir: settings.store.dir,
          pendingPrefix,
          url: () => runtime.url(),
          secret: async () => secret,
        })
      : null
  const store = settings.store.kind === 's3' ? openBucket(settings.store) : embedded
  if (store === null) throw new TypeError('no store')
  const templates = new Map<string, readonly Piece[]>()
  return Object.freeze<FileManager>({
    settings,
    runtime,
    log,
    store,
    embedded,
    secret,
    template(resource) {
      const known = templates.get(resource.name)
      if (known !== undefined) return known
      const key = resource.traits[TRAIT]?.['key']
      const pieces = parseTemplate(typeof key === 'string' ? key : DEFAULT_TEMPLATE)
      templates.set(resource.name, pieces)
      return pieces
    },
    fileResources: () => runtime.resources.filter((resource) => TRAIT in resource.traits),
    limit: limiter(CONCURRENCY),
    settling: new Map(),
    made: new WeakMap(),
    pendingKey: (uploadId, key) => `${pendingPrefix}${uploadId}/${key.slice(settings.prefix.length)}`,
    pendingPrefix,
  })
}

/** Of several processes that start together one makes it. */
async function sharedSecret(runtime: RuntimeTools): Promise<Uint8Array> {
  await runtime.store.add('secret', randomBytes(32).toString('base64'))
  const value = await runtime.store.get('secret')
  if (typeof value !== 'string') throw new TypeError('the signing key of the s3 plugin is unreadable')
  return Buffer.from(value, 'base64')
}

export function managerOf(ctx: { readonly managers: Readonly<Record<string, unknown>> }): FileManager {
  return ctx.managers['s3'] as FileManager
}

/** The resource's facts; its name comes from the model, so that it is there. */
export function factsOf(manager: FileManager, resource: string): ResourceFacts {
  const facts = manager.runtime.resource(resource)
  if (facts === undefined) throw new TypeError(`no resource ${resource}`)
  return facts
}

/** What a client is told when the store fails: try again. The cause is for the log. */
export function unavailable(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  return new BiodmError('unavailable', 'The object store is not available for the moment. Try again.', {
    headers: { 'Retry-After': '5' },
    cause: error,
  })
}

/** Runs calls to the store whose failure is the client's `unavailable`. */
export async function fromStore<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw unavailable(error)
  }
}
