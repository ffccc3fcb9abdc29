import { BiodmError, type CommandContext, type PluginCommand } from 'biodm'
import { SingleBar } from 'cli-progress'
import { keycloakOf } from '../manager.js'
import { type Phase, type Report, SyncRunning, synchronise } from './sync.js'

/** `biodm kc-sync config.yaml`: a sync with a progress bar on a terminal; `--dry-run` lists the differences. */
export const kcSync: PluginCommand = {
  name: 'kc-sync',
  description: 'Import groups, users and memberships from Keycloak',
  options: [['--dry-run', 'only show what would change']],
  async run(ctx) {
    const dryRun = ctx.flags['dryRun'] === true
    const bar = ctx.json || dryRun ? null : progressBar()
    try {
      const report = await synchronise(keycloakOf(ctx), {
        dryRun,
        service: (name) => ctx.service(name, { identity: 'system' }),
        signal: ctx.signal,
        ...(bar === null ? {} : { onProgress: bar.show }),
        ...(dryRun && !ctx.json ? { onChange: ctx.out } : {}),
      })
      bar?.stop()
      print(ctx, report)
      return 0
    } catch (error) {
      bar?.stop()
      if (!(error instanceof BiodmError) && !(error instanceof SyncRunning)) throw error
      ctx.err(error.message)
      return 1
    }
  },
}

/** Nothing is drawn where there is no terminal. */
function progressBar(): { show(phase: Phase, done: number, total: number): void; stop(): void } {
  const bar = new SingleBar({
    format: '{phase} [{bar}] {value}/{total}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  })
  let current: Phase | null = null
  return {
    show(phase, done, total) {
      if (phase !== current) {
        bar.stop()
        bar.start(total, 0, { phase })
        current = phase
      }
      bar.setTotal(total)
      bar.update(done)
    },
    stop: () => bar.stop(),
  }
}

function print(ctx: CommandContext, report: Report): void {
  if (ctx.json) {
    ctx.out(JSON.stringify(report))
    return
  }
  const { groups, users, memberships } = report
  const counts = ({ created, updated, unchanged }: Report['groups']): string =>
    `${created} created, ${updated} updated, ${unchanged} unchanged`
  ctx.out(`groups: ${counts(groups)}`)
  ctx.out(`users: ${counts(users)}`)
  ctx.out(`memberships: ${memberships.added} added, ${memberships.removed} removed`)
  for (const { what, reason } of report.skipped) ctx.err(`skipped ${what}: ${reason}`)
  for (const { what, reason } of report.conflicts) ctx.err(`look at ${what}: ${reason}`)
  if (report.dry_run) ctx.out('dry run: nothing was changed')
}
