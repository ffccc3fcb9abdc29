import t from 'tap'
import { cliHere } from '../helpers/cli.js'

const CONFIG = `
name: shelf
server: { url: https://shelf.example.org, base_path: /api }
database: { url: 'postgres://nobody@127.0.0.1:1/none' }
resources: { Book: { columns: { title: string(50)! } } }
`

t.test('openapi prints the document without asking a database', async (t) => {
  const file = `${t.testdir({ 'biodm.yaml': CONFIG })}/biodm.yaml`
  const whole = await cliHere(['openapi', file])
  t.equal(whole.code, 0)
  const document = JSON.parse(whole.stdout)
  t.match(document, {
    openapi: '3.1.0',
    info: { title: 'shelf' },
    servers: [{ url: 'https://shelf.example.org/api' }],
  })
  t.ok(document.paths['/books'])
  t.equal((await cliHere(['openapi', file, '--json'])).stdout.trim().split('\n').length, 1)

  const one = JSON.parse((await cliHere(['openapi', file, '--resource', 'Book'])).stdout)
  t.same(Object.keys(one.paths), ['/books/schema', '/books', '/books/{id}', '/books/{id}/access'])
  t.match(await cliHere(['openapi', file, '--resource', 'Bok']), {
    code: 1,
    stdout: '',
    stderr: /did you mean `Book`/,
  })
})
