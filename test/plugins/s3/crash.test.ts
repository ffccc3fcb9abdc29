import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { shouldSurviveKills } from './crash-suite.js'
import { embeddedStore } from './world.js'

for (const dialect of DIALECTS)
  t.test(`on ${dialect}`, async (t) => shouldSurviveKills(t, { dialect, store: embeddedStore }))
