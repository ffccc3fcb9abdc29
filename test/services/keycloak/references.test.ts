import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { referencesSuite } from '../../plugins/keycloak/suites/references.js'
import { startReal } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => referencesSuite(t, dialect, startReal))
}
