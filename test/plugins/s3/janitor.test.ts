import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { shouldCleanUp } from './janitor-suite.js'
import { embeddedStore } from './world.js'

for (const dialect of DIALECTS)
  t.test(`on ${dialect}`, async (t) => shouldCleanUp(t, { dialect, store: embeddedStore }))
