import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { resourcesSuite } from '../../plugins/keycloak/suites/resources.js'
import { startReal } from './world.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => resourcesSuite(t, dialect, startReal))
}
