import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { resourcesSuite } from './suites/resources.js'
import { startFake } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => resourcesSuite(t, dialect, startFake))
}
