import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { shouldServeFiles } from './files-suite.js'
import { embeddedStore } from './world.js'

for (const dialect of DIALECTS)
  t.test(`the embedded store on ${dialect}`, async (t) =>
    shouldServeFiles(t, { dialect, store: embeddedStore }),
  )
