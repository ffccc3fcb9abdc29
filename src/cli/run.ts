/** `biodm …`: parses the command line, runs one command, gives its exit code. */
import { Command, CommanderError } from 'commander'
import { addCommands } from './commands.js'
import { EXIT, explain, type Output, terminal } from './output.js'
import { packageVersion } from './version.js'

/** How a command reports its exit code to `run`. */
export interface Session {
  readonly output: Output
  exit: number
}

export async function run(argv: readonly string[], output: Output = terminal()): Promise<number> {
  const session: Session = { output, exit: EXIT.ok }
  const program = new Command('biodm')
    .description('A data-management server that is configured instead of programmed')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.err(text.trimEnd()),
    })
    .showHelpAfterError('Add --help for what there is.')
  addCommands(program, session)
  try {
    const rest = await withPlugins(program, session, argv)
    if (argv.length === 0) {
      output.err(program.helpInformation().trimEnd())
      return EXIT.usage
    }
    await program.parseAsync([...rest], { from: 'user' })
    return session.exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    output.err(explain(error, argv.includes('--json')))
    return EXIT.failed
  }
}

/** Plugins are loaded only when the first word is none of our commands, or help is asked for as a whole. */
async function withPlugins(
  program: Command,
  session: Session,
  argv: readonly string[],
): Promise<readonly string[]> {
  const [first, second] = argv
  const word = first === 'help' ? second : first
  const known = program.commands.map((command) => command.name())
  if (word !== undefined && known.includes(word)) return argv
  if (first?.startsWith('-') === true && first !== '--help' && first !== '-h') return argv
  const { addPluginCommands } = await import('./commands/plugin.js')
  return await addPluginCommands(program, session, argv)
}
