/** `biodm …`: parses the command line, runs one command, gives its exit code. */
import { Command, CommanderError } from 'commander'
import { addCheck } from './commands/check.js'
import { addInit } from './commands/init.js'
import { addMigrate } from './commands/migrate.js'
import { addOutbox } from './commands/outbox.js'
import { addPluginCommands } from './commands/plugin.js'
import { addServe } from './commands/serve.js'
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
  for (const add of [addServe, addCheck, addMigrate, addInit, addOutbox]) add(program, session)
  try {
    const rest = await addPluginCommands(program, session, argv)
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
