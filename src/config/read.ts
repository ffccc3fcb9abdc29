/** Files → one raw configuration: parsed, interpolated, included, malformed parts reported and taken out. */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse as parseEnv } from 'dotenv'
import { stringify } from 'yaml'
import type { RawResources } from './collect.js'
import type { Inputs } from './inputs.js'
import { type Env, interpolate, noVariables, Typing, type Variables } from './interpolate.js'
import { packagedFile } from './packaged.js'
import { pruned } from './prune.js'
import type { RawConfig } from './raw.js'
import type { Report } from './report.js'
import type { Grammar } from './schema.js'
import { parseSource, type Source } from './source.js'

export interface ReadConfig {
  readonly raw: RawConfig
  /** All resources of the file and of its includes. */
  readonly resources: RawResources
  readonly core: RawResources
  readonly variables: Variables
}

export interface ReadOptions {
  readonly env: Env
  readonly dir: string
  readonly grammar: Grammar
  readonly report: Report
  readonly inputs: Inputs
}

const MAX_BYTES = 5 * 1024 * 1024

/** `source`: absolute path, or an object. Throws `ConfigError` only when there is nothing to go on with. */
export function readConfig(
  source: string | Readonly<Record<string, unknown>>,
  options: ReadOptions,
): ReadConfig {
  const { report, grammar, dir, inputs } = options
  const parsed = typeof source === 'string' ? readSource(source, inputs) : objectSource(source)
  if (typeof parsed === 'string') report.fileFault(typeof source === 'string' ? source : 'config', parsed)
  else report.addSource(parsed)
  if (typeof parsed === 'string' || parsed.unreadable) {
    report.check()
    throw new Error('an unreadable configuration has faults')
  }
  const variables = noVariables()
  const env = typeof source === 'string' ? { ...envFile(dir, options), ...options.env } : options.env
  const context = { env, dir, file: parsed.file, report, variables, inputs }
  const value = interpolate(parsed.value ?? {}, [], new Typing(grammar.schema), context)
  const raw = pruned(grammar.config(), value, [], { report, variables, file: parsed.file }) as RawConfig
  const resources: Record<string, RawConfig['resources']> & RawResources = Object.assign(
    Object.create(null),
    raw.resources,
  )
  const include = (file: string): void => includeFile(file, resources, { ...options, env }, variables)
  for (const file of includedFiles(raw, parsed.file, options)) include(file)
  return { raw, resources, core: coreResources(options), variables }
}

/** The built-in resources; what a configuration may get wrong about them is reported with the configuration. */
function coreResources({ report, inputs }: ReadOptions): RawResources {
  const parsed = readSource(packagedFile('core.yaml'), inputs)
  if (typeof parsed === 'string') throw new Error(parsed)
  report.addSource(parsed)
  return (parsed.value as RawConfig).resources ?? {}
}

/** The text of a file, parsed; or why it cannot be read. */
function readSource(file: string, inputs: Inputs): Source | string {
  inputs.file(file)
  try {
    const bytes = readFileSync(file)
    if (bytes.length > MAX_BYTES) return 'the file is larger than 5 MB'
    return parseSource(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    return (
      READ_FAULTS[cause instanceof Error && 'code' in cause ? String(cause.code) : ''] ??
      `the file cannot be read: ${String(cause)}`
    )
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder, not a file',
  EACCES: 'the file may not be read',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'the file is not UTF-8 text',
}

/** An object is shown as the YAML that it would be, so that its faults have places too. */
function objectSource(value: Readonly<Record<string, unknown>>): Source | string {
  try {
    return parseSource('config', stringify(value))
  } catch (cause) {
    return `the object cannot be written as YAML: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

function envFile(dir: string, { report, inputs }: ReadOptions): Env {
  const file = join(dir, '.env')
  inputs.file(file)
  try {
    return parseEnv(readFileSync(file))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      report.fileFault(file, READ_FAULTS[code] ?? `cannot be read: ${String(cause)}`)
    return {}
  }
}

function includedFiles(
  raw: RawConfig,
  main: string,
  { dir, report, inputs }: ReadOptions,
): readonly string[] {
  const list = typeof raw.include === 'string' ? [raw.include] : (raw.include ?? [])
  const files = new Set<string>()
  for (const [index, pattern] of list.entries()) {
    const found = inputs.matches(pattern, dir).filter((file) => file !== main)
    for (const file of found) files.add(file)
    if (found.length > 0) continue
    report.fault(
      typeof raw.include === 'string' ? ['include'] : ['include', String(index)],
      `no file matches \`${pattern}\``,
      {
        hint: `looked in ${dir}`,
        file: main,
      },
    )
    report.markBroken(['include'])
  }
  return [...files]
}

function includeFile(
  file: string,
  resources: Record<string, unknown>,
  options: ReadOptions,
  variables: Variables,
): void {
  const { report, grammar, env, inputs } = options
  const parsed = readSource(file, inputs)
  if (typeof parsed === 'string') report.fileFault(file, parsed)
  else report.addSource(parsed)
  if (typeof parsed === 'string' || parsed.unreadable) {
    report.markBroken(['include'])
    return
  }
  const schema = new Typing(grammar.schema).definition('included')
  const value = interpolate(parsed.value ?? {}, [], schema, {
    env,
    dir: dirname(file),
    file,
    report,
    variables,
    inputs,
  })
  const raw = pruned(grammar.included(), value, [], { report, variables, file }) as Pick<
    RawConfig,
    'resources'
  >
  for (const [name, resource] of Object.entries(raw.resources ?? {})) {
    if (Object.hasOwn(resources, name)) {
      report.fault(['resources', name], `the resource \`${name}\` is declared in another file already`, {
        key: true,
        file,
      })
    } else resources[name] = resource
  }
}

export const configDir = (source: string | object, dir: string | undefined): string =>
  typeof source === 'string' ? dirname(resolve(source)) : resolve(dir ?? '.')
