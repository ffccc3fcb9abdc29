import { S3Client } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import t from 'tap'
import { policySigner } from '../../../plugins/s3/store/post-policy.js'

const FIELDS = {
  'Content-Type': 'text/plain; a="b\\c"',
  success_action_redirect: 'https://x.example/é?token=a.b',
  'x-amz-checksum-sha256': 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
}

/** `20261124T081500Z` → the moment. */
const momentOf = (date: string): Date =>
  new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))

t.test('a form is what the SDK makes of the same moment', async (t) => {
  const sign = policySigner()
  for (const sessionToken of [undefined, 'a session']) {
    const credentials = {
      accessKeyId: 'AKID',
      secretAccessKey: 'secret',
      ...(sessionToken === undefined ? {} : { sessionToken }),
    }
    const client = new S3Client({
      region: 'eu-west-1',
      credentials,
      endpoint: 'http://127.0.0.1:9',
      forcePathStyle: true,
    })
    t.teardown(() => client.destroy())
    const theirs = await createPresignedPost(client, {
      Bucket: 'b',
      Key: 'a/ü b',
      Expires: 600,
      Fields: FIELDS,
      Conditions: [['content-length-range', 5, 5]],
    })
    const now = momentOf(theirs.fields['X-Amz-Date'] ?? '')
    const scope = { bucket: 'b', region: 'eu-west-1', url: theirs.url, expiresInSeconds: 600 }
    const ours = sign(credentials, scope, now)({ key: 'a/ü b', size: 5, fields: FIELDS })
    t.equal(ours.fields, JSON.stringify(theirs.fields), 'byte for byte, the signature too')
    t.equal(ours.url, theirs.url)
  }
})
