import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { authSuite } from '../../plugins/keycloak/suites/auth.js'
import { startReal } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => authSuite(t, dialect, startReal))
}
