import t from 'tap'
import { CONTENT_TYPE, contentDisposition, downloadName, nameProblem } from '../../../plugins/s3/names.js'
import { problemsOf, settingsOf } from '../../../plugins/s3/options.js'
import { signCallback, verifyCallback } from '../../../plugins/s3/tokens.js'
import { bytes, formatBytes, milliseconds } from '../../../plugins/s3/units.js'

t.test('names of files that could leave their place are refused', async (t) => {
  for (const name of ['', '../x', 'a..b', 'a/b', 'a\\b', 'a"b', 'a\nb', 'a\u0000', 'a\u0085'])
    t.type(nameProblem(name), 'string', JSON.stringify(name))
  for (const name of ['a', 'a b', 'é', '😀', "it's", 'a.b', '-', '%2e%2e', '; rm -rf'])
    t.equal(nameProblem(name), null, name)
})

t.test('a download carries its true name and a plain one', async (t) => {
  const cases: [name: string, header: string][] = [
    ['run 7.txt', `attachment; filename="run 7.txt"; filename*=UTF-8''run%207.txt`],
    ['né.txt', `attachment; filename="n_.txt"; filename*=UTF-8''n%C3%A9.txt`],
    ["a'b(c)*.txt", `attachment; filename="a'b(c)*.txt"; filename*=UTF-8''a%27b%28c%29%2A.txt`],
    ['100%.txt', `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
  ]
  for (const [name, header] of cases) t.equal(contentDisposition(name), header, name)
  t.equal(downloadName({ filename: 'a', extension: 'tar.gz' }), 'a.tar.gz')
  t.equal(downloadName({ filename: 'README', extension: '' }), 'README')
})

t.test('a content type is what can stand in a header', async (t) => {
  for (const type of ['text/plain', 'application/vnd.ms-excel', 'text/html; charset=utf-8'])
    t.match(type, CONTENT_TYPE)
  for (const type of ['', 'text', 'text/', 'a/b\r\nX: y', 'a b/c', 'text/plain; é'])
    t.notMatch(type, CONTENT_TYPE)
})

t.test('a callback token is good for its file, its upload and its time', async (t) => {
  const secret = Buffer.from('secret')
  const token = signCallback(secret, { file: 'files/1', upload: 'u-1', expires: 1000 })
  t.same(verifyCallback(secret, 'files/1', token, 999), { upload: 'u-1' })
  t.equal(verifyCallback(secret, 'files/1', token, 1000), null, 'expired')
  t.equal(verifyCallback(secret, 'files/2', token, 999), null, 'another file')
  t.equal(verifyCallback(Buffer.from('other'), 'files/1', token, 999), null, 'another server')
  for (const bad of [
    '',
    '.',
    '..',
    'u-1',
    token.replace('u-1', 'u-2'),
    `${token}.x`,
    `${token}=`,
    token.slice(0, -2),
    token.replace('.rs.', '.zz.'),
  ])
    t.equal(verifyCallback(secret, 'files/1', bad, 999), null, bad)
})

t.test('sizes and durations are read as people write them', async (t) => {
  t.same(['1kb', '1.5mb', '2 gb', '10b', 7].map(bytes), [1024, 1572864, 2147483648, 10, 7])
  t.same(['1h', '30s', '250ms', '7d', 9].map(milliseconds), [3_600_000, 30_000, 250, 604_800_000, 9])
  t.same([0, 1024, 1536, 1024 ** 3].map(formatBytes), ['0 bytes', '1 kb', '1.5 kb', '1 gb'])
  t.throws(() => bytes('10 parsecs'), TypeError)
})

t.test('options that no S3 service could serve are told', async (t) => {
  const cases: [options: Record<string, unknown>, message: RegExp][] = [
    [{ multipart: { part_size: '4mb' } }, /part_size is 4 mb/],
    [{ multipart: { part_size: '6gb' } }, /part_size/],
    [{ multipart: { threshold: '6gb' } }, /threshold/],
    [{ url_expiration: '8d' }, /url_expiration/],
    [{ access_key_id: 'x' }, /come together/],
    [{ prefix: '/x' }, /prefix/],
    [{ prefix: 'a/../b' }, /prefix/],
    [{ prefix: '${x}' }, /prefix/],
    [{ endpoint: 'minio:9000' }, /endpoint must be/],
  ]
  for (const [options, message] of cases)
    t.match(problemsOf(options).join(), message, JSON.stringify(options))
  t.same(problemsOf({ endpoint: 'http://minio:9000', bucket: 'b', prefix: 'omics/' }), [])
  t.match(settingsOf({ endpoint: 'file:data/objects' }, '/srv').store, {
    kind: 'embedded',
    dir: '/srv/data/objects',
  })
  t.match(settingsOf({ bucket: 'b' }, '/').store, { endpoint: null, pathStyle: false, credentials: null })
})
