import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { syncSuite } from './suites/sync.js'
import { startFake } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => syncSuite(t, dialect, startFake))
}
