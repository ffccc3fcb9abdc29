/** The examples' own tests, and the tutorial followed step by step, with the commands of the text. */
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Outcome {
  readonly code: number
  readonly output: string
}

/** As a user would run it: no loader and no condition of the test runner. */
function shell(command: string, cwd: string): Promise<Outcome> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, TAP: ___, ...env } = process.env
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr })
    })
  })
}

t.test('every example passes `biodm check`', async (t) => {
  const cli = join(root, 'dist/src/cli/main.js')
  for (const example of readdirSync(join(root, 'examples'))) {
    const { code, output } = await shell(`node ${cli} check examples/${example}/biodm.yaml`, root)
    t.equal(code, 0, `${example}\n${code === 0 ? '' : output}`)
  }
})

t.test('the courier’s own tests pass', async (t) => {
  const { code, output } = await shell('node --test examples/courier/', root)
  t.equal(code, 0, code === 0 ? 'passed' : output)
})

type Block = { readonly language: string; readonly file: string | null; readonly text: string }

function blocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/```(\w+)(?: file=(\S+))?\n(.*?)```/gs)].map(
    ([, language = '', file = null, text = '']) => ({ language, file, text }),
  )
}

/** A folder where `npm install biodm` has happened: the package as it is built here, and what it depends on. */
function installed(dir: string): void {
  const modules = join(dir, 'node_modules')
  mkdirSync(modules, { recursive: true })
  const target = join(modules, 'biodm')
  mkdirSync(target)
  for (const part of ['package.json', 'config', 'dist'])
    cpSync(join(root, part), join(target, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'))
  mkdirSync(join(modules, '.bin'))
  writeFileSync(
    join(modules, '.bin/biodm'),
    `#!/bin/sh\nexec node "${join(target, 'dist/src/cli/main.js')}" "$@"\n`,
    {
      mode: 0o755,
    },
  )
}

t.test('the tutorial leads to a tested package, step by step', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'biodm-tutorial-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  for (const { language, file, text } of blocks(
    readFileSync(join(root, 'docs/tutorial/plugin.md'), 'utf8'),
  )) {
    if (file !== null) {
      mkdirSync(dirname(join(dir, file)), { recursive: true })
      writeFileSync(join(dir, file), text)
      continue
    }
    if (language !== 'sh') continue
    for (const command of text.trim().split('\n')) {
      if (command === 'npm install biodm') {
        installed(dir)
        continue
      }
      const { code, output } = await shell(command, dir)
      t.equal(code, 0, code === 0 ? command : `${command}\n${output}`)
      if (command === 'node --test') t.match(output, /# fail 0/, 'its tests pass')
    }
    // `npm init` writes a package without `type`: the tutorial's files are modules from the start.
  }
})
