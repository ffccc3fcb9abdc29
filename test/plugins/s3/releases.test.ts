import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { shouldReleaseFiles } from './releases-suite.js'
import { embeddedStore } from './world.js'

for (const dialect of DIALECTS)
  t.test(`on ${dialect}`, async (t) => shouldReleaseFiles(t, { dialect, store: embeddedStore }))
