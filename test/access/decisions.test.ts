/**
 * Random decisions compared with a naive model of the rules: worlds, lists, callers, routes. `BIODM_SEED` repeats a run,
 * `BIODM_DECISIONS` makes it longer.
 */
import t from 'tap'
import { DIALECTS } from '../helpers/databases.js'
import { SEED } from '../helpers/seed.js'
import { compareSeed } from './decisions/compare.js'

const DECISIONS = Number(process.env['BIODM_DECISIONS'] ?? 50_000)

for (const dialect of DIALECTS) {
  t.test(`${dialect}: the server decides as the naive model does`, { timeout: 300_000 }, async (t) => {
    let decisions = 0
    for (let seed = SEED; decisions < DECISIONS; seed++) {
      const outcome = await compareSeed(t, dialect, seed)
      decisions += outcome.decisions
      if (outcome.difference !== null) {
        t.fail('a decision differs', outcome.difference)
        return
      }
    }
    t.ok(decisions >= DECISIONS, `${decisions} decisions from seed ${SEED} on`)
  })
}
