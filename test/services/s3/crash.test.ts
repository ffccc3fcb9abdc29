import t from 'tap'
import { shouldSurviveKills } from '../../plugins/s3/crash-suite.js'
import { bucketStore } from './bucket.js'

t.test('a bucket on postgres', async (t) =>
  shouldSurviveKills(t, { dialect: 'postgres', store: bucketStore() }),
)
