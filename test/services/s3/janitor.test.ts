import t from 'tap'
import { shouldCleanUp } from '../../plugins/s3/janitor-suite.js'
import { bucketStore } from './bucket.js'

t.test('a bucket', async (t) => shouldCleanUp(t, { dialect: 'sqlite', store: bucketStore() }))
