/** The built command line as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/cli/run.js'
import type { Teardown } from './databases.js'

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

export interface CliOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(args: readonly string[], options: CliOptions): ChildProcess {
  const { BIODM_LOG_LEVEL: _, ...env } = process.env
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...env, NODE_OPTIONS: '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Runs to the end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = start(args, options)
  const output = collect(child)
  child.stdin?.end(options.input ?? '')
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...output() }))
  })
}

/** The same inside this process, for commands that end by themselves and read no working directory. */
export async function cliHere(args: readonly string[]): Promise<CliResult> {
  const stdout: string[] = []
  const stderr: string[] = []
  const output = {
    out: (text: string) => stdout.push(`${text}\n`),
    err: (text: string) => stderr.push(`${text}\n`),
  }
  const code = await run(args, output)
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
}

export interface ServingCli {
  readonly url: string
  readonly process: ChildProcess
  output(): { readonly stdout: string; readonly stderr: string }
  /** Sends the signal and resolves to the exit code, null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** `biodm serve …`, ready to answer; killed with the test. */
export async function serveCli(
  t: Teardown,
  args: readonly string[],
  options: CliOptions = {},
): Promise<ServingCli> {
  const child = start(['serve', ...args], options)
  const output = collect(child)
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const line = /^biodm listening on (\S+)$/m.exec(output().stdout)
      if (line?.[1] !== undefined) resolve(line[1])
    })
    void ended.then((code) => reject(new Error(`biodm serve ended with ${code}: ${output().stderr}`)))
  })
  return {
    url,
    process: child,
    output,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  return () => ({ stdout, stderr })
}
