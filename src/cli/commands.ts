/** Every command of ours with its arguments and options. What a command needs is loaded when it runs. */
import type { Command } from 'commander'
import type { MigrateFlags } from './commands/migrate.js'
import type { OpenapiFlags } from './commands/openapi.js'
import type { OutboxFlags } from './commands/outbox.js'
import type { ServeFlags } from './commands/serve.js'
import {
  type CommonFlags,
  configArgument,
  count,
  DEFAULT_CONFIG,
  ids,
  withJson,
  withOverrides,
} from './options.js'
import type { Session } from './run.js'

export function addCommands(program: Command, session: Session): void {
  for (const add of [addServe, addCheck, addMigrate, addOpenapi, addInit, addOutbox, addCan])
    withJson(add(program, session))
}

function addServe(program: Command, session: Session): Command {
  const command = program
    .command('serve')
    .description('serve a configuration')
    .addArgument(configArgument())
    .option('--watch', 'take over changes of the configuration while serving')
    .option('--workers <n>', 'how many processes share the port', count)
    .action(async (config: string, flags: ServeFlags) => {
      const { run } = await import('./commands/serve.js')
      session.exit = await run(config, flags, session)
    })
  return withOverrides(command)
}

function addCheck(program: Command, session: Session): Command {
  const command = program
    .command('check')
    .description('say everything that is wrong with a configuration, or what it means')
    .addArgument(configArgument())
    .action(async (config: string, flags: CommonFlags) => {
      const { run } = await import('./commands/check.js')
      session.exit = await run(config, flags, session)
    })
  return withOverrides(command)
}

function addMigrate(program: Command, session: Session): Command {
  const command = program
    .command('migrate')
    .description('bring the database to what the configuration needs')
    .addArgument(configArgument())
    .option('--dry-run', 'print the SQL, change nothing')
    .option('--allow-destructive', 'also what may lose data: drop, narrow, require')
    .action(async (config: string, flags: MigrateFlags) => {
      const { run } = await import('./commands/migrate.js')
      session.exit = await run(config, flags, session)
    })
  return withOverrides(command)
}

function addOpenapi(program: Command, session: Session): Command {
  const command = program
    .command('openapi')
    .description('print the OpenAPI document of a configuration')
    .addArgument(configArgument())
    .option('--resource <name>', 'of one resource only')
    .action(async (config: string, flags: OpenapiFlags) => {
      const { run } = await import('./commands/openapi.js')
      session.exit = await run(config, flags, session)
    })
  return withOverrides(command)
}

function addInit(program: Command, session: Session): Command {
  return program
    .command('init')
    .description('write a small commented configuration that serves at once')
    .argument('[file]', 'where', DEFAULT_CONFIG)
    .action(async (file: string, flags: CommonFlags) => {
      const { run } = await import('./commands/init.js')
      session.exit = await run(file, flags, session)
    })
}

function addOutbox(program: Command, session: Session): Command {
  const command = program
    .command('outbox')
    .description('effects on other systems that wait, or failed and will be tried again')
    .addArgument(configArgument())
    .option('--retry [ids]', 'make all of them due now, or those named (1,2,3)', ids)
    .option('--limit <rows>', 'how many to list', count, 100)
    .action(async (config: string, flags: OutboxFlags) => {
      const { run } = await import('./commands/outbox.js')
      session.exit = await run(config, flags, session)
    })
  return withOverrides(command)
}

function addCan(program: Command, session: Session): Command {
  const command = program
    .command('can')
    .description('say whether a user may do something, and why, rule by rule')
    .argument('<config>', 'the configuration')
    .argument('<user>', 'user name; - for nobody')
    .argument('<verb>', 'read, create, update, delete, release, or a verb of a trait')
    .argument('<path>', 'path of a row (/files/7) or of a resource (/files)')
    .action(async (config: string, user: string, verb: string, path: string, flags: CommonFlags) => {
      const { run } = await import('./commands/can.js')
      session.exit = await run({ config, user, verb, path }, flags, session)
    })
  return withOverrides(command)
}
