/**
 * What an operation leaves to do outside its transaction. `onRollback` undoes run last in, first out when the request
 * does not commit; `afterCommit` effects run in order once it did. Neither changes the answer: a failure is logged with
 * its origin (`plugin.hook` on a resource) and counted.
 */
import type { Log } from '../log.js'
import type { NewJob } from '../managers/outbox.js'
import type { Effects, Metrics } from './core.js'
import { bounded } from './hooks/time.js'

interface Effect {
  readonly run: () => unknown
  readonly origin: string
}

export interface EffectLog extends Effects {
  /**
   * Called first thing in every attempt of a transaction: undoes what an earlier attempt registered, keeping what the
   * prefix hooks registered before the first one.
   */
  attempt(): Promise<void>
  /** The jobs of this attempt, at its end: whoever enqueues later is refused. */
  takeJobs(): readonly NewJob[]
  committed(): Promise<void>
  rolledBack(): Promise<void>
}

const ENDED = 'the request has ended; await everything that the hook starts'

/** Longest time of one effect: a caller waits for what follows the commit. */
const LIMIT_MS = 10_000

export function createEffects(log: Log, metrics: Metrics, limitMs: number = LIMIT_MS): EffectLog {
  const undos: Effect[] = []
  const effects: Effect[] = []
  let jobs: NewJob[] | null = []
  let mark: { readonly undos: number; readonly effects: number } | null = null
  let phase: Effects['phase'] = 'open'
  const unaborted = new AbortController().signal

  const attempt = async (effect: Effect, kind: string): Promise<void> => {
    try {
      await bounded(() => effect.run(), limitMs, unaborted, `${kind} of ${effect.origin}`)
      log.debug({ origin: effect.origin }, `${kind} done`)
    } catch (error) {
      metrics.effectFailed(effect.origin)
      log.error({ origin: effect.origin, err: error }, `${kind} failed`)
    }
  }
  const undoTo = async (length: number): Promise<void> => {
    for (let undo = undos.length > length ? undos.pop() : undefined; undo !== undefined; ) {
      await attempt(undo, 'rollback effect')
      undo = undos.length > length ? undos.pop() : undefined
    }
  }
  const add = (list: Effect[], run: () => unknown, origin: string): void => {
    if (typeof run !== 'function') throw new TypeError(`${origin}: an effect must be a function`)
    if (phase !== 'open') throw new Error(`${origin}: ${ENDED}`)
    list.push({ run, origin })
  }

  return {
    get phase() {
      return phase
    },
    onRollback: (undo, origin) => add(undos, undo, origin),
    afterCommit: (effect, origin) => add(effects, effect, origin),
    enqueue(job) {
      if (jobs === null || phase !== 'open') throw new Error(`the job "${job.job}" comes too late: ${ENDED}`)
      jobs.push(job)
    },
    takeJobs() {
      const taken = jobs ?? []
      jobs = null
      return taken
    },
    async attempt() {
      jobs = []
      if (mark === null) {
        mark = { undos: undos.length, effects: effects.length }
        return
      }
      await undoTo(mark.undos)
      effects.length = mark.effects
    },
    async committed() {
      phase = 'after'
      undos.length = 0
      for (const effect of effects.splice(0)) await attempt(effect, 'after-commit effect')
      phase = 'over'
    },
    async rolledBack() {
      phase = 'after'
      effects.length = 0
      await undoTo(0)
      phase = 'over'
    },
  }
}
