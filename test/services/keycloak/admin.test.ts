import t from 'tap'
import { adminSuite } from '../../plugins/keycloak/suites/admin.js'
import { startReal } from './world.js'

adminSuite(t, startReal)
