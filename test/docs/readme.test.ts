/** The calls of the READMEs against the example, exactly as they stand there. */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { Teardown } from '../helpers/databases.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** Pairs of a `sh` block with calls and the `json` block after it. */
function calls(file: string): readonly (readonly [script: string, answer: string])[] {
  const text = readFileSync(join(root, file), 'utf8')
  const pairs = text.matchAll(/```sh\n((?:(?!```).)*curl (?:(?!```).)*)```\n+```json\n((?:(?!```).)*)```/gs)
  return [...pairs].map(([, script = '', answer = '']) => [script, answer])
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** What differs each time it runs: moments and request ids. */
const steady = (json: string): unknown =>
  JSON.parse(
    json
      .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"MOMENT"')
      .replaceAll(/"request_id": ?"[0-9a-f]{24}"/g, '"request_id":"ID"'),
  )

async function serveExample(t: Teardown): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'biodm-example-'))
  const port = await freePort()
  const server = spawn(
    process.execPath,
    [join(root, 'examples/field-study/start.mjs'), '--port', String(port)],
    {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL: `sqlite:${join(dir, 'example.db')}`,
        OBJECTS: `file:${join(dir, 'objects')}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const log: string[] = []
  server.stderr.on('data', (chunk) => log.push(String(chunk)))
  t.teardown(async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  })
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^biodm listening on (\S+)$/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`the example did not start:\n${log.join('')}`)
}

t.test('every call gives the answer that the text shows', async (t) => {
  const url = await serveExample(t)
  const all = [...calls('README.md'), ...calls('examples/field-study/README.md')]
  t.ok(all.length >= 6, `${all.length} calls are there`)
  let token = ''
  for (const [script, answer] of all) {
    const text = `TOKEN=${token}\n${script.replaceAll('http://127.0.0.1:8000', url)}\necho\necho "token:$TOKEN"`
    const { stdout } = await run('bash', ['-c', text])
    const lines = stdout.trimEnd().split('\n')
    token = lines.pop()?.slice('token:'.length) ?? ''
    t.same(steady(lines.join('\n')), steady(answer), script.split('\n')[0] ?? '')
  }
})
