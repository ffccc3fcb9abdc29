/**
 * Steps: statements that do not wait for each other's results. On PostgreSQL they are sent together and answered in
 * order, so that a whole tree costs one round trip; SQLite runs them one after another.
 */
import type { Queryable, RowArray } from '../database.js'
import type { Texts } from './texts.js'

/** One statement with one set of values (PostgreSQL), or with one set a row (SQLite). */
export interface Step {
  readonly text: string
  readonly name?: string
  readonly values: readonly (readonly unknown[])[]
  /** Called with the rows that the statement returned, all sets together; throws to undo the transaction. */
  readonly check?: (rows: readonly RowArray[]) => void
}

export async function runStep(trx: Queryable, step: Step): Promise<readonly RowArray[]> {
  const { text, name } = step
  const [only, second] = step.values
  if (only === undefined) return []
  const named = name === undefined ? { text } : { text, name }
  let rows: readonly RowArray[]
  if (second === undefined) rows = await trx.query({ ...named, values: only })
  else {
    const all: RowArray[] = []
    for (const values of step.values) all.push(...(await trx.query({ ...named, values })))
    rows = all
  }
  step.check?.(rows)
  return rows
}

/**
 * Inserts that nothing is checked after, as one statement: their foreign keys are checked at its end, so that their order
 * does not matter. Fewer than two, or anything else among them: the steps as they are. PostgreSQL only.
 */
export function together(texts: Texts, steps: readonly Step[]): readonly Step[] {
  const sent = steps.filter((step) => step.values.length > 0)
  const plain = (step: Step): boolean =>
    step.check === undefined && step.name !== undefined && step.text.startsWith('INSERT ')
  if (sent.length < 2 || !sent.every(plain)) return steps
  const named = texts.get(`together ${sent.map((step) => step.name).join(' ')}`, () => {
    let before = 0
    const parts = sent.map((step, index) => {
      const first = before
      before += step.values[0]?.length ?? 0
      const text = step.text.replace(/\$(\d+)/g, (_, position: string) => `$${first + Number(position)}`)
      return index === sent.length - 1 ? text : `i${index} AS (${text})`
    })
    return `WITH ${parts.slice(0, -1).join(', ')} ${parts.at(-1)}`
  })
  return [{ ...named, values: [sent.flatMap((step) => step.values[0] ?? [])] }]
}

/** In the order given; rejects with the first failure. */
export async function runSteps(trx: Queryable, steps: readonly Step[]): Promise<void> {
  if (trx.dialect === 'postgres') {
    await firstFailure(steps.map((step) => runStep(trx, step)))
    return
  }
  for (const step of steps) await runStep(trx, step)
}

/**
 * Results of statements that were sent together, in their order. After a failure PostgreSQL refuses what follows in the
 * transaction; the error that counts is that of the earliest statement, whichever rejection is seen first.
 */
export async function firstFailure<T>(sent: readonly Promise<T>[]): Promise<T[]> {
  for (const promise of sent) promise.catch(() => undefined)
  const results: T[] = []
  for (const promise of sent) results.push(await promise)
  return results
}
