/** Commands that the plugins of a configuration bring: `biodm user add biodm.yaml ada`. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Definition, PluginUse } from '../../config/definition.js'
import { loadDefinition } from '../../config/load.js'
import type { CommandContext, PluginCommand } from '../../plugin.js'
import { loadPlugin, shippedPlugins } from '../../registry.js'
import { runtimeOf } from '../../runtime.js'
import { backgroundContext, runtimeTools } from '../../services/plugin-tools.js'
import { commandLog } from '../log.js'
import { type CommonFlags, DEFAULT_CONFIG, definitionOverrides, withJson, withOverrides } from '../options.js'
import { EXIT, explain } from '../output.js'
import type { Session } from '../run.js'

/**
 * Adds the commands of the configuration that `argv` names, and those of the shipped plugins that it does not load: they
 * have a help, and say what is missing when they are run. The configuration is the first argument that is a YAML file,
 * wherever it stands, else `biodm.yaml`. Returns the command line without it.
 */
export async function addPluginCommands(
  program: Command,
  session: Session,
  argv: readonly string[],
): Promise<readonly string[]> {
  const named = argv.find((argument) => /\.ya?ml$/i.test(argument))
  const config = named ?? DEFAULT_CONFIG
  const definition = await definitionFor(config, named !== undefined, argv)
  if (definition !== null) addConfigured(program, session, definition)
  await addShippedCommands(program, session, config)
  return argv.filter((argument) => argument !== config)
}

function addConfigured(program: Command, session: Session, definition: Definition): void {
  for (const use of definition.plugins) {
    for (const command of use.plugin.commands ?? [])
      addCommand(program, command, use.name, session, (made) =>
        run({ definition, use, command }, made, session),
      )
  }
}

/** The commands of all shipped plugins that are not there yet: for help, and for saying what is missing. */
export async function addShippedCommands(
  program: Command,
  session: Session,
  config = DEFAULT_CONFIG,
): Promise<void> {
  for (const plugin of await shippedPlugins()) {
    for (const command of plugin.commands ?? []) {
      if (program.commands.some((known) => known.name() === command.name)) continue
      addCommand(program, command, plugin.name, session, (made) => {
        const message = `\`${command.name}\` comes with the plugin \`${plugin.name}\`: name it under \`plugins:\` in ${config}`
        session.output.err(explain(new Error(message), made.opts()['json'] === true))
        return EXIT.failed
      })
    }
  }
}

/** A help is given whatever is wrong with the configuration. */
async function definitionFor(
  config: string,
  named: boolean,
  argv: readonly string[],
): Promise<Definition | null> {
  if (!named && !existsSync(config)) return null
  try {
    return await loadDefinition(config, { loadPlugin, overrides: definitionOverrides(overridesIn(argv)) })
  } catch (error) {
    if (isHelp(argv)) return null
    throw error
  }
}

export const isHelp = (argv: readonly string[]): boolean =>
  argv.length === 0 || argv[0] === 'help' || argv.includes('--help') || argv.includes('-h')

interface Bound {
  readonly definition: Definition
  readonly use: PluginUse
  readonly command: PluginCommand
}

function addCommand(
  program: Command,
  command: PluginCommand,
  plugin: string,
  session: Session,
  action: (made: Command) => number | Promise<number>,
): void {
  const made = program.command(command.name).description(`${command.description} (plugin ${plugin})`)
  for (const [notation, description] of command.arguments ?? []) made.argument(notation, description)
  made.argument(
    '[config]',
    'the configuration: the argument that ends in .yaml, at any place',
    DEFAULT_CONFIG,
  )
  for (const [notation, description] of command.options ?? []) made.option(notation, description)
  withJson(withOverrides(made)).action(async () => {
    session.exit = await action(made)
  })
}

async function run({ definition, use, command }: Bound, made: Command, { output }: Session): Promise<number> {
  const flags = made.opts()
  const runtime = await runtimeOf(definition, {
    log: commandLog('warn'),
    background: false,
    plugins: true,
    looks: command.looks?.(flags) === true,
  })
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort())
  try {
    const context: CommandContext = {
      ...backgroundContext(runtime.core, { plugin: use.name, settings: use.options }, stopping.signal),
      args: made.args,
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

/** The configuration is loaded before the command line can be parsed: its commands are what the parser must know. */
function overridesIn(argv: readonly string[]): CommonFlags {
  const host = given('--host', argv)
  const database = given('--database', argv)
  const wanted = Number(given('--port', argv))
  return {
    ...(host === undefined ? {} : { host }),
    ...(database === undefined ? {} : { database }),
    ...(Number.isInteger(wanted) ? { port: wanted } : {}),
  }
}

function given(option: string, argv: readonly string[]): string | undefined {
  const index = argv.findIndex((argument) => argument === option || argument.startsWith(`${option}=`))
  const argument = argv[index]
  return argument === option ? argv[index + 1] : argument?.slice(option.length + 1)
}
