/** The package as it is published: packed once, unpacked beside what it depends on, used as by a stranger. */
import { execFile, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>
}

/** Outside the checkout, so that nothing of it is found by accident. */
const home = mkdtempSync(join(tmpdir(), 'biodm-package-'))
t.teardown(() => rmSync(home, { recursive: true, force: true }))
const installed = join(home, 'node_modules', 'biodm')

t.before(async () => {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', home], {
    cwd: ROOT,
    maxBuffer: 1 << 24,
  })
  const [{ filename }]: [{ filename: string }] = JSON.parse(stdout)
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', join(home, filename), '-C', installed, '--strip-components=1'])
  linkDependencies()
})

/** What an installation would bring: everything the lock file does not call a development dependency. */
function linkDependencies(): void {
  const lock: Lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || dev === true || optional === true) continue
    mkdirSync(dirname(join(home, path)), { recursive: true })
    symlinkSync(join(ROOT, path), join(home, path))
  }
}

t.test('it holds what runs and what is read, and nothing else', async (t) => {
  const { stdout } = await run('find', ['.', '-type', 'f'], { cwd: installed, maxBuffer: 1 << 24 })
  const files = stdout.trim().split('\n')
  const odd = files.filter((file) => !/^\.\/(dist\/(src|plugins)\/.+\.(js|d\.ts)|config\/|[^/]+$)/.test(file))
  t.same(odd, [])
  t.same(files.filter((file) => /^\.\/[^/]+$/.test(file)).sort(), [
    './CHANGELOG.md',
    './LICENSE',
    './README.md',
    './package.json',
  ])
  t.ok(files.includes('./config/biodm.schema.json'))
  t.ok(files.includes('./config/core.yaml'))
})

t.test('init, then serve: the two commands give a server that answers', async (t) => {
  const { bin }: { bin: { biodm: string } } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  )
  const main = join(installed, bin.biodm)
  t.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  chmodSync(main, 0o755)
  await run(main, ['init'], { cwd: home })
  const text = readFileSync(join(home, 'biodm.yaml'), 'utf8')
  const schema = /\$schema=(\S+)/.exec(text)?.[1] ?? ''
  t.ok(JSON.parse(readFileSync(join(home, schema), 'utf8')), 'editors find the schema where the file says')
  const { NODE_OPTIONS: _, ...env } = process.env
  const server = spawn(main, ['serve', 'biodm.yaml', '--port', '0'], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = new Promise<number | null>((resolve) => server.on('close', resolve))
  t.teardown(() => server.kill('SIGKILL'))
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout.once('data', (chunk) => resolve(/http\S+/.exec(String(chunk))?.[0] ?? ''))
    void ended.then(() => reject(new Error('the server ended')))
  })
  const made = await fetch(`${url}/projects`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"first","samples":[{"label":"a"}]}',
  })
  t.equal(made.status, 201)
  t.match(await made.json(), { id: 1, samples: [{ label: 'a', kind: 'blood' }] })
  t.equal((await fetch(`${url}/swagger`)).status, 200)
  server.kill('SIGTERM')
  t.equal(await ended, 0)
})

const CONSUMER = `
import { type Client, createRuntime, definePlugin, type Identity, type Plugin, type Runtime } from 'biodm'
import { shouldBehaveLikeAPlugin, startFakeKeycloak } from 'biodm/testing'

export const audit: Plugin = definePlugin({
  name: 'audit',
  hooks: {
    stamp: {
      stage: 'prefix',
      async run(ctx) {
        for (const item of ctx.items) if (item.data !== null) item.data['note'] = ctx.operation
        // @ts-expect-error: there is no such member
        ctx.nonsense
      },
    },
  },
})
export async function main(identity: Identity): Promise<number> {
  const runtime: Runtime = await createRuntime({ resources: {} }, { database: { url: 'sqlite::memory:' } })
  const client: Client = runtime.as(identity)
  const answer = await client.get('/live')
  await runtime.close()
  return answer.status
}
export const suites = [shouldBehaveLikeAPlugin, startFakeKeycloak]
`

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]
for (const resolution of RESOLUTIONS) {
  t.test(
    `its types compile in a strict project that resolves like ${resolution.moduleResolution}`,
    async (t) => {
      const dir = join(home, resolution.moduleResolution)
      mkdirSync(dir)
      writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
      writeFileSync(join(dir, 'index.ts'), CONSUMER)
      const options = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        target: 'es2022',
        lib: ['es2023'],
        types: [],
        skipLibCheck: false,
        ...resolution,
      }
      writeFileSync(
        join(dir, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: options, files: ['index.ts'] }),
      )
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
      const said = await run(process.execPath, [tsc, '-p', dir]).then(
        () => '',
        (error: { stdout: string }) => error.stdout,
      )
      t.equal(said, '')
    },
  )
}
