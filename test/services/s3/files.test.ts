import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { shouldServeFiles } from '../../plugins/s3/files-suite.js'
import { bucketStore } from './bucket.js'

for (const dialect of DIALECTS)
  t.test(`a bucket on ${dialect}`, async (t) => shouldServeFiles(t, { dialect, store: bucketStore() }))

t.test('a bucket that keeps versions', async (t) =>
  shouldServeFiles(t, { dialect: 'sqlite', store: bucketStore({ versioned: true }) }),
)
