/**
 * Files in an S3 bucket or on local disk. Bytes never pass through the operations of the server: rows are made here, clients
 * talk to the store with signed requests, and a completion asks the store before a file counts as ready.
 */
import { BiodmError, definePlugin, type RouteContext, type RouteResult } from 'biodm'
import { admitCallback, complete, download, postSuccess } from './complete.js'
import { discard } from './discard.js'
import { HOOKS } from './hooks.js'
import { sweep } from './janitor.js'
import { fromStore, managerOf, openManager } from './manager.js'
import { TRAIT_ROUTES_OPENAPI as DOCS } from './openapi.js'
import { OPTIONS, problemsOf, settingsOf } from './options.js'
import { onDisk } from './store/embedded/files.js'
import { type EmbeddedStore, OBJECTS_PATH } from './store/embedded/index.js'
import { giveObject, takeForm, takePart } from './store/embedded/routes.js'
import { FILE, RESOURCES } from './trait.js'
import { cancelUpload, getUpload, renewUpload } from './upload-routes.js'

const JANITOR_MS = 10 * 60_000

export default definePlugin({
  name: 's3',
  description: 'Files in an S3 bucket, or in the embedded store',
  options: OPTIONS,
  validate: problemsOf,
  resources: RESOURCES,
  traits: {
    file: {
      ...FILE,
      routes: [
        { method: 'GET', path: '/:id/download', verb: 'download', openapi: DOCS.download, run: download },
        {
          method: 'GET',
          path: '/:id/post_success',
          verb: null,
          public: true,
          ignoreToken: true,
          openapi: DOCS.postSuccess,
          admit: admitCallback,
          run: postSuccess,
        },
        { method: 'PUT', path: '/:id/complete', verb: 'update', openapi: DOCS.complete, run: complete },
        { method: 'GET', path: '/:id/upload', verb: 'update', openapi: DOCS.getUpload, run: getUpload },
        { method: 'POST', path: '/:id/upload', verb: 'update', openapi: DOCS.renewUpload, run: renewUpload },
        {
          method: 'DELETE',
          path: '/:id/upload',
          verb: 'update',
          openapi: DOCS.cancelUpload,
          run: cancelUpload,
        },
      ],
    },
  },
  hooks: HOOKS,
  jobs: { discard },
  tasks: {
    janitor: {
      every: JANITOR_MS,
      run: async (ctx) => {
        await sweep(managerOf(ctx), { dryRun: false, signal: ctx.signal, log: ctx.log })
      },
    },
  },
  routes: [
    { method: 'POST', path: OBJECTS_PATH, public: true, raw: true, hidden: true, run: embedded(takeForm) },
    {
      method: 'PUT',
      path: `${OBJECTS_PATH}/part`,
      public: true,
      raw: true,
      hidden: true,
      run: embedded(takePart),
    },
    {
      method: 'GET',
      path: `${OBJECTS_PATH}/object`,
      public: true,
      raw: true,
      hidden: true,
      run: embedded(giveObject),
    },
  ],
  commands: [
    {
      name: 'uploads',
      description: 'Clean up behind unfinished uploads',
      arguments: [['<action>', 'gc: abort expired and orphaned uploads, remove late objects']],
      options: [['--dry-run', 'show what would be done, change nothing']],
      looks: (flags) => flags['dryRun'] === true,
      async run(ctx) {
        if (ctx.args[0] !== 'gc') {
          ctx.err(`unknown action "${ctx.args[0] ?? ''}": the only one is gc`)
          return 2
        }
        const dryRun = ctx.flags['dryRun'] === true
        const swept = await sweep(managerOf(ctx), { dryRun, signal: ctx.signal, log: ctx.log })
        if (ctx.json) ctx.out(JSON.stringify({ dry_run: dryRun, ...swept }))
        else for (const line of describe(swept, dryRun)) ctx.out(line)
        return 0
      },
    },
  ],
  async setup(options: Readonly<Record<string, unknown>>, { runtime, log }) {
    const manager = await openManager(settingsOf(options, runtime.dir), runtime, log)
    let said = ''
    const ready = async (): Promise<boolean> => {
      try {
        await manager.store.check()
        said = ''
        return true
      } catch (error) {
        const message = (error as Error).message
        // once for each reason, however often it is asked
        if (message !== said) log.error({ err: error }, `the object store cannot be used: ${message}`)
        said = message
        return false
      }
    }
    return { manager, ready, close: () => manager.store.close() }
  },
})

function embedded(
  run: (store: EmbeddedStore, ctx: RouteContext) => Promise<RouteResult>,
): (ctx: RouteContext) => Promise<RouteResult> {
  return async (ctx) => {
    const { embedded: store } = managerOf(ctx)
    if (store === null) throw new BiodmError('not_found', 'This server has no embedded store.')
    return await fromStore(() => onDisk(() => run(store, ctx)))
  }
}

function describe(
  swept: {
    readonly expired: readonly string[]
    readonly aborted: readonly string[]
    readonly removed: readonly string[]
  },
  dryRun: boolean,
): readonly string[] {
  const would = dryRun ? 'would ' : ''
  const lines = [
    ...swept.expired.map((key) => `${would}expire upload of ${key}`),
    ...swept.aborted.map((key) => `${would}abort orphaned upload of ${key}`),
    ...swept.removed.map((key) => `${would}remove late object ${key}`),
  ]
  return lines.length === 0 ? ['nothing to do'] : lines
}
