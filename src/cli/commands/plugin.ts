/** Commands that the plugins of a configuration bring: `biodm user add biodm.yaml ada`. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Definition, PluginUse } from '../../config/definition.js'
import { loadDefinition } from '../../config/load.js'
import type { CommandContext, PluginCommand } from '../../plugin.js'
import { loadPlugin } from '../../registry.js'
import { runtimeOf } from '../../runtime.js'
import { backgroundContext, runtimeTools } from '../../services/plugin-tools.js'
import { commandLog } from '../log.js'
import { DEFAULT_CONFIG, withDatabase, withJson } from '../options.js'
import type { Session } from '../run.js'

/**
 * Adds the commands of the configuration that `argv` names. The configuration is the
 * first argument that is a YAML file, wherever it stands, else `biodm.yaml`. Returns the command line without it.
 */
export async function addPluginCommands(
  program: Command,
  session: Session,
  argv: readonly string[],
): Promise<readonly string[]> {
  const config = argv.find((argument) => /\.ya?ml$/i.test(argument)) ?? DEFAULT_CONFIG
  if (!existsSync(config)) return argv
  const definition = await loadDefinition(config, { loadPlugin, overrides: databaseOf(argv) })
  for (const use of definition.plugins) {
    for (const command of use.plugin.commands ?? [])
      addCommand(program, session, { definition, use, command })
  }
  return argv.filter((argument) => argument !== config)
}

interface Bound {
  readonly definition: Definition
  readonly use: PluginUse
  readonly command: PluginCommand
}

function addCommand(program: Command, session: Session, bound: Bound): void {
  const { command, use } = bound
  const made = program.command(command.name).description(`${command.description} (plugin ${use.name})`)
  for (const [notation, description] of command.arguments ?? []) made.argument(notation, description)
  made.argument('[config]', 'the configuration', DEFAULT_CONFIG)
  for (const [notation, description] of command.options ?? []) made.option(notation, description)
  withJson(withDatabase(made)).action(async () => {
    session.exit = await run(bound, made.args, made.opts(), session)
  })
}

async function run(
  { definition, use, command }: Bound,
  args: readonly string[],
  flags: Readonly<Record<string, unknown>>,
  { output }: Session,
): Promise<number> {
  const runtime = await runtimeOf(definition, { log: commandLog('warn'), background: false, plugins: true })
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort())
  try {
    const context: CommandContext = {
      ...backgroundContext(runtime.core, { plugin: use.name, settings: use.options }, stopping.signal),
      args,
      flags,
      json: flags['json'] === true,
      runtime: runtimeTools(runtime.core, use.name),
      out: (line) => output.out(line),
      err: (line) => output.err(line),
    }
    return await command.run(context)
  } finally {
    await runtime.close()
  }
}

function databaseOf(argv: readonly string[]): { readonly database?: string } {
  const index = argv.findIndex((argument) => argument === '--database' || argument.startsWith('--database='))
  if (index < 0) return {}
  const inline = /^--database=(.*)$/.exec(argv[index] ?? '')?.[1]
  const database = inline ?? argv[index + 1]
  return database === undefined ? {} : { database }
}
