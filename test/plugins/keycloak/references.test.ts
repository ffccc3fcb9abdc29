import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { referencesSuite } from './suites/references.js'
import { startFake } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => referencesSuite(t, dialect, startFake))
}
