/**
 * One seed for everything random in the tests, so that a run repeats: what fails here fails everywhere. `BIODM_SEED` chooses
 * another, to look further.
 */
import fc from 'fast-check'

export const SEED = Number(process.env['BIODM_SEED'] ?? 20261124)

fc.configureGlobal({ seed: SEED })
