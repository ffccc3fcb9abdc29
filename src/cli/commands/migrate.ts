import { loadDefinition } from '../../config/load.js'
import { type MigrationPlan, migrate, planMigration } from '../../managers/migrate.js'
import { openDatabase, openToLook } from '../../managers/open.js'
import { compileModel } from '../../model/compile.js'
import { loadPlugin } from '../../registry.js'
import { commandLog } from '../log.js'
import { type CommonFlags, definitionOverrides } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export interface MigrateFlags extends CommonFlags {
  readonly dryRun?: boolean
  readonly allowDestructive?: boolean
}

export async function run(config: string, flags: MigrateFlags, { output }: Session): Promise<number> {
  const model = compileModel(
    await loadDefinition(config, { loadPlugin, overrides: definitionOverrides(flags) }),
  )
  const open = flags.dryRun === true ? openToLook : openDatabase
  const database = await open(model.definition.database, {
    log: commandLog('warn'),
    timeoutMs: 0,
    model,
  })
  try {
    const plan = await planMigration(database, model)
    const lossy = plan.destructive.length > 0 && flags.allowDestructive !== true
    const refused = lossy || plan.impossible.length > 0
    const apply = flags.dryRun !== true && !refused
    if (apply) await migrate(database, model, { allowDestructive: flags.allowDestructive === true })
    const lines =
      flags.json === true ? [JSON.stringify(facts(plan, apply))] : report(plan, apply, flags.dryRun === true)
    for (const line of lines) output.out(line)
    if (refused) output.err(lossy ? refusal(plan) : impossibility(plan))
    return refused ? EXIT.failed : EXIT.ok
  } finally {
    await database.close()
  }
}

const facts = (plan: MigrationPlan, applied: boolean) => ({
  applied: applied && plan.steps.length > 0,
  steps: plan.steps.map(({ description, destructive }) => ({ description, destructive })),
  statements: plan.statements,
  impossible: plan.impossible,
})

function report(plan: MigrationPlan, applied: boolean, dryRun: boolean): readonly string[] {
  if (plan.steps.length === 0) return ['The database is as the configuration says.']
  const steps = plan.steps.map(({ description, destructive }) => `${destructive ? '!' : ' '} ${description}`)
  if (dryRun) return plan.statements.map((text) => `${text};`)
  return applied ? [...steps, `${plan.steps.length} steps applied.`] : steps
}

const impossibility = ({ impossible }: MigrationPlan): string =>
  [
    'The rows there are do not allow it, so nothing was applied:',
    ...impossible.map((text) => `  ${text}`),
  ].join('\n')

function refusal(plan: MigrationPlan): string {
  const steps = plan.destructive.map(({ description }) => `  ${description}`)
  return [
    'These steps may lose data, so nothing was applied:',
    ...steps,
    'Allow them with --allow-destructive.',
  ].join('\n')
}
