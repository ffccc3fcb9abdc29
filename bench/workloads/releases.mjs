/** Releasing one row with 5 000 children: at most 1.5 × the time of the same rows copied by hand. One request at a time. */
import { RUNS } from '../lib/data.mjs'

/** Each request releases the version that the one before it made. */
function releases(prefix, id) {
  let version = 1
  return () => ({ method: 'POST', path: `${prefix}/runs/${id}_${version++}/release` })
}

const row = (database, title) => ({
  name: `${title} release of 1 + 5 000`,
  database,
  floor: 0.67,
  goal: 0.85,
  against: 'L0',
  targets: {
    biodm: { server: 'biodm', connections: 1, request: releases('', RUNS.biodm) },
    L0: { server: 'limits', connections: 1, request: releases('/l0', RUNS.limits) },
  },
})

export const RELEASES = [row('postgres', 'PostgreSQL'), row('sqlite', 'SQLite')]
