/**
 * Recurring work of plugins (and of biodm itself): each task runs at the start and then every `every` ms, by one of
 * several processes. The lease is short and renewed while the task runs, so that a dead leader blocks nobody for long,
 * and it is given back at the end.
 */
import { randomUUID } from 'node:crypto'
import type { BaseContext } from '../hooks.js'
import type { Log } from '../log.js'
import type { Database } from '../managers/database.js'
import { acquireLease, releaseLease } from '../managers/lease.js'
import type { Metrics } from './core.js'

export interface TaskUse {
  /** `plugin.task`: also the name of its lease. */
  readonly name: string
  readonly every: number
  readonly run: (signal: AbortSignal) => unknown
}

export interface TaskOptions {
  readonly database: Database
  readonly log: Log
  readonly metrics: Metrics
  readonly tasks: readonly TaskUse[]
  readonly leaseMs?: number
  /** How soon a task is tried again while another process holds it, ms. */
  readonly retryMs?: number
  /** How long a stop waits for tasks that were told to stop, ms. */
  readonly graceMs?: number
}

export interface TaskRunner {
  start(): void
  stop(): Promise<void>
}

export function createTaskRunner(options: TaskOptions): TaskRunner {
  const { database, log, metrics, tasks, leaseMs = 30_000, retryMs = 5_000 } = options
  const { graceMs = 5_000 } = options
  const owner = randomUUID()
  const stopping = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  const running = new Set<Promise<void>>()

  const later = (task: TaskUse, ms: number): void => {
    if (stopping.signal.aborted) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      const run = attempt(task).then((next) => later(task, next))
      running.add(run)
      void run.finally(() => running.delete(run))
    }, ms)
    timer.unref()
    timers.add(timer)
  }

  /** Resolves to the milliseconds until the next attempt; never rejects. */
  const attempt = async (task: TaskUse): Promise<number> => {
    let renewal: NodeJS.Timeout | null = null
    try {
      if (!(await acquireLease(database, task.name, owner, leaseMs))) return retryMs
      renewal = setInterval(() => {
        acquireLease(database, task.name, owner, leaseMs).catch((error: unknown) =>
          log.warn({ task: task.name, err: error }, 'the lease of a task could not be renewed'),
        )
      }, leaseMs / 3)
      await task.run(stopping.signal)
      return task.every
    } catch (error) {
      metrics.effectFailed(task.name)
      log.error({ task: task.name, err: error }, 'task failed; it runs again at its next time')
      return task.every
    } finally {
      if (renewal !== null) clearInterval(renewal)
      await releaseLease(database, task.name, owner).catch((error: unknown) =>
        log.warn({ task: task.name, err: error }, 'the lease of a task could not be given back'),
      )
    }
  }

  return {
    start() {
      for (const task of tasks) later(task, 0)
    },
    async stop() {
      stopping.abort()
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, graceMs, 'late')
      })
      const outcome = await Promise.race([Promise.all(running), late])
      clearTimeout(timer)
      if (outcome === 'late') log.warn('a task went on although its signal was aborted; nobody waits for it')
    },
  }
}

/** The context-free shape that plugins' `tasks` are bound to by the runtime. */
export type TaskContext = (plugin: string, signal: AbortSignal) => BaseContext
