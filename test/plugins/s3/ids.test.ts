import t from 'tap'
import { firstId, timedIds } from '../../../plugins/s3/ids.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('ids ascend, also beyond what one millisecond counts, and lie within their time', async (t) => {
  const now = Date.parse('2026-11-24T12:00:00Z')
  const ids = timedIds(10_000, now)
  t.ok(ids.every((id) => UUID.test(id)))
  t.same(ids, [...new Set(ids)].sort())
  t.ok(firstId(now) < (ids[0] ?? '') && (ids.at(-1) ?? '') < firstId(now + 3))
  t.ok(timedIds(5, now - 1).every((id) => id < firstId(now)))
  t.equal(firstId(-1), '00000000-0000-0000-0000-000000000000')
})
