/** `serve --workers N`: N processes on one port, kept at that number. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Log } from '../log.js'
import { returnConnections } from './handover.js'

export interface Workers {
  /** Resolves once all of them answer; rejects when one cannot start. */
  readonly ready: Promise<string>
  /** Lets every worker finish and waits for it. */
  stop(): Promise<void>
}

/** After a worker that lived shorter than this the next one waits, longer each time: what kills it may go on. */
const SETTLED_MS = 5_000
const LONGEST_WAIT_MS = 30_000
const GRACE_MS = 12_000

/** `argv`: the command line of each worker. */
export function startWorkers(count: number, argv: readonly string[], log: Log): Workers {
  cluster.setupPrimary({ args: [...argv] })
  let stopping = false
  let all = false
  let failures = 0
  const waiting = new Set<Worker>()
  const ready = new Promise<string>((resolve, reject) => {
    cluster.on('message', (worker: Worker, message: unknown) => {
      if (!isReady(message)) return
      waiting.delete(worker)
      all ||= waiting.size === 0
      if (all) resolve(message.url)
    })
    cluster.on('exit', (worker: Worker, code: number | null, signal: string | null) => {
      if (stopping) return
      waiting.delete(worker)
      if (!all && !started.has(worker.id)) {
        reject(new WorkerFailed(code ?? 1))
        return
      }
      log.error({ worker: worker.id, code, signal }, 'a worker died; another one takes its place')
      const settled = Date.now() - (started.get(worker.id) ?? Date.now()) >= SETTLED_MS
      started.delete(worker.id)
      failures = settled ? 0 : failures + 1
      setTimeout(fork, settled ? 0 : Math.min(LONGEST_WAIT_MS, 500 * 2 ** (failures - 1)))
    })
  })
  const started = new Map<number, number>()
  const fork = (): void => {
    if (stopping) return
    const worker = cluster.fork({ BIODM_WORKER: '1' })
    waiting.add(worker)
    returnConnections(worker, () => started.size > 0)
    worker.once('listening', () => started.set(worker.id, Date.now()))
  }
  for (let index = 0; index < count; index += 1) fork()
  return {
    ready,
    async stop() {
      stopping = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      await Promise.all(workers.map(stopWorker))
    },
  }
}

/** A port that is free now. */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The worker has said why on stderr. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed'
  readonly exitCode: number

  constructor(exitCode: number) {
    super('a worker did not start')
    this.exitCode = exitCode
  }
}

function stopWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) {
      resolve()
      return
    }
    const timer = setTimeout(() => worker.process.kill('SIGKILL'), GRACE_MS)
    worker.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    worker.process.kill('SIGTERM')
  })
}

/** What a worker tells when it serves. */
export interface Ready {
  readonly biodm: 'ready'
  readonly url: string
}

const isReady = (message: unknown): message is Ready =>
  typeof message === 'object' && message !== null && 'biodm' in message && message.biodm === 'ready'

export const isWorker = (): boolean => cluster.isWorker

export const tellReady = (url: string): void => {
  process.send?.({ biodm: 'ready', url } satisfies Ready)
}
