import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { syncSuite } from '../../plugins/keycloak/suites/sync.js'
import { startReal } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => syncSuite(t, dialect, startReal))
}
