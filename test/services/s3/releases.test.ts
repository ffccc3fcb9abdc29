import t from 'tap'
import { shouldReleaseFiles } from '../../plugins/s3/releases-suite.js'
import { bucketStore } from './bucket.js'

t.test('a bucket', async (t) => shouldReleaseFiles(t, { dialect: 'postgres', store: bucketStore() }))
