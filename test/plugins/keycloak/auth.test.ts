import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { authSuite } from './suites/auth.js'
import { startFake } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => authSuite(t, dialect, startFake))
}
