/**
 * Brings a database to the shape that the model needs: compare, tell, refuse what may lose data, apply the rest in one
 * transaction under a lock, so that two servers starting at once do not race and a failure leaves nothing behind.
 */
import { BiodmError } from '../errors.js'
import type { Log } from '../log.js'
import type { Model } from '../model/model.js'
import type { Database, Queryable, Transaction } from './database.js'
import { type Change, inOrder, type Step } from './migrate/changes.js'
import { type Comparison, compareSchemas } from './migrate/compare.js'
import { duplicates, impossibilities, judge } from './migrate/data.js'
import { postgresStatements } from './migrate/ddl-postgres.js'
import { sqliteStatements } from './migrate/ddl-sqlite.js'
import { desiredSchema } from './migrate/desired.js'
import { introspectPostgres } from './migrate/introspect-postgres.js'
import { introspectSqlite } from './migrate/introspect-sqlite.js'
import { type Recorded, readRecord, record } from './migrate/record.js'
import type { Schema, TableSpec } from './migrate/schema.js'
import { unservedParts } from './migrate/unserved.js'

export type { Step } from './migrate/changes.js'

export interface MigrationPlan {
  /** In the order in which they are applied. */
  readonly steps: readonly Step[]
  /** Those of `steps` that may lose data, or that the rows there are do not allow. */
  readonly destructive: readonly Step[]
  /** `table` or `table.column`: no longer named by the configuration, left where they are. */
  readonly kept: readonly string[]
  /** Why the rows there are do not allow it at all, even if losses are allowed. */
  readonly impossible: readonly string[]
  /** The SQL, in order. */
  readonly statements: readonly string[]
}

export interface MigrateOptions {
  /** Also drop, narrow and fill. Default: false. */
  readonly allowDestructive?: boolean
  /**
   * `serve`: what the configuration no longer names stays where it is, a required column of it becomes optional. Default:
   * false, such tables and columns are dropped, which is destructive.
   */
  readonly keepDropped?: boolean
  /** Tables of resources too, or only biodm's own. Default: as `database.migrate` says (`off`: only its own). */
  readonly scope?: 'all' | 'managed'
}

/** Nothing was applied. `plan.destructive` says why, or `reasons` does. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
  readonly plan: MigrationPlan
  readonly reasons: readonly string[]

  constructor(message: string, plan: MigrationPlan, reasons: readonly string[] = []) {
    super(message)
    this.plan = plan
    this.reasons = reasons
  }
}

/** Compares without changing anything. */
export function planMigration(
  database: Database,
  model: Model,
  options: MigrateOptions = {},
): Promise<MigrationPlan> {
  return database.transaction(async (trx) => {
    const prepared = await prepare(trx, model, options)
    return prepared.plan
  })
}

/**
 * Applies the plan, or throws `MigrationRefused` with nothing applied when it holds destructive steps that are not
 * allowed. Returns what was done; an up-to-date database gives an empty plan.
 */
export function migrate(
  database: Database,
  model: Model,
  options: MigrateOptions = {},
): Promise<MigrationPlan> {
  return database.transaction(
    async (trx) => {
      await lock(trx)
      const prepared = await prepare(trx, model, options)
      const { plan } = prepared
      if (plan.destructive.length > 0 && options.allowDestructive !== true) {
        throw new MigrationRefused('the migration may lose data, so nothing was applied', plan)
      }
      refuseImpossible(plan)
      for (const text of plan.statements) await apply(trx, text, plan)
      await record(trx, prepared)
      if (trx.dialect === 'sqlite') await checkReferences(trx, plan)
      return plan
    },
    { schemaChange: true },
  )
}

/** What `serve` does at its start, as `database.migrate` says. Throws `MigrationRefused` when it must not start. */
export async function migrateAtStart(database: Database, model: Model, log: Log): Promise<MigrationPlan> {
  const mode = model.definition.database.migrate
  if (mode === 'off') await refuseUnserved(database, model)
  if (mode === 'check') {
    const drift = await planMigration(database, model, { keepDropped: true, scope: 'all' })
    const kept = new Set(drift.kept)
    const foreign = drift.steps.filter(
      ({ change }) => !isManaged(model, change.table) && !isKept(change, kept),
    )
    if (foreign.length > 0) {
      const steps = foreign.map(({ description }) => `\n  ${description}`).join('')
      throw new MigrationRefused(
        `the database is not as the configuration says, and \`database.migrate: check\` changes nothing:${steps}`,
        // They are told already.
        { ...drift, destructive: [] },
      )
    }
  }
  const plan = await migrate(database, model, {
    keepDropped: true,
    scope: mode === 'auto' ? 'all' : 'managed',
  })
  for (const step of plan.steps) log.info({ step: step.description }, 'the database was migrated')
  if (plan.kept.length > 0)
    log.warn({ kept: plan.kept }, 'the configuration no longer names these; they stay')
  return plan
}

/** For commands that only look: throws `MigrationRefused` when a server would have to migrate first. */
export async function requireMigrated(database: Database, model: Model): Promise<void> {
  const scope = model.definition.database.migrate === 'off' ? 'managed' : 'all'
  const plan = await planMigration(database, model, { keepDropped: true, scope })
  if (plan.steps.length === 0) return
  const message =
    'the database is not as the configuration says, and this command changes nothing: `biodm migrate` does'
  throw new MigrationRefused(message, { ...plan, destructive: [] })
}

/** Tables that others make must be there, and fit: a server that cannot answer for a resource does not start. */
async function refuseUnserved(database: Database, model: Model): Promise<void> {
  const parts = await unservedParts(database, desiredSchema(model))
  if (parts.length === 0) return
  throw new MigrationRefused(
    [
      'the database is not as the configuration says, and `database.migrate: off` changes nothing. What is missing or does not fit:',
      ...parts.map((part) => `  ${part}`),
      'Make it, correct `table:` and the columns of the resource, or leave it to biodm with `migrate: auto`',
    ].join('\n'),
    NOTHING_PLANNED,
    parts,
  )
}

const NOTHING_PLANNED: MigrationPlan = Object.freeze({
  steps: [],
  destructive: [],
  kept: [],
  impossible: [],
  statements: [],
})

/** A required column that the configuration no longer names: it would become optional, which is no drift. */
const isKept = (change: Change, kept: ReadonlySet<string>): boolean =>
  change.kind === 'set_optional' && kept.has(`${change.table}.${change.column.name}`)

const isManaged = (model: Model, table: string): boolean => desiredSchema(model).get(table)?.managed === true

interface Prepared {
  readonly plan: MigrationPlan
  readonly comparison: Comparison
  readonly live: Schema
  readonly wanted: Schema
  readonly recorded: Recorded
}

async function prepare(db: Queryable, model: Model, options: MigrateOptions): Promise<Prepared> {
  const scope = options.scope ?? (model.definition.database.migrate === 'off' ? 'managed' : 'all')
  const live = await introspect(db)
  const recorded = await readRecord(db, live)
  const wanted = scoped(desiredSchema(model), live, scope)
  const comparison = compareSchemas(live, wanted, {
    dialect: db.dialect,
    recorded: scope === 'all' ? recorded : onlyOf(recorded, wanted),
    keep: options.keepDropped === true,
  })
  const changes = inOrder(comparison.changes)
  const judging = { db, live, changes }
  const steps = await judge(judging)
  const statements =
    db.dialect === 'postgres' ? postgresStatements(changes) : sqliteStatements(changes, comparison.tables)
  const plan = Object.freeze({
    steps: Object.freeze(steps),
    destructive: Object.freeze(steps.filter((step) => step.destructive)),
    kept: Object.freeze([...comparison.kept]),
    impossible: Object.freeze([
      ...(await impossibilities(judging)),
      ...(await duplicates(db, changes, live)),
    ]),
    statements: Object.freeze(statements),
  })
  return { plan, comparison, live, wanted, recorded }
}

export const introspect = (db: Queryable): Promise<Schema> =>
  db.dialect === 'postgres' ? introspectPostgres(db) : introspectSqlite(db)

/** Only biodm's own tables; references to tables that are somebody's need a key there. */
function scoped(wanted: Schema, live: Schema, scope: 'all' | 'managed'): Schema {
  if (scope === 'all') return wanted
  const managed = [...wanted.values()].filter((table) => table.managed)
  return new Map(managed.map((table) => [table.name, withPossibleReferences(table, live, wanted)]))
}

function withPossibleReferences(table: TableSpec, live: Schema, wanted: Schema): TableSpec {
  const foreignKeys = table.foreignKeys.filter((key) => {
    if (wanted.get(key.table)?.managed === true) return true
    const target = live.get(key.table)
    const keys =
      target === undefined ? [] : [target.primaryKey, ...target.uniques.map((unique) => unique.columns)]
    return keys.some((columns) => columns.join() === key.references.join())
  })
  const from = table.seed === null ? undefined : live.get(table.seed.from)
  return { ...table, foreignKeys, seed: from === undefined ? null : table.seed }
}

const onlyOf = (recorded: Recorded, wanted: Schema): Recorded =>
  new Map([...recorded].filter(([table]) => wanted.has(table)))

/** One migration at a time: SQLite's write lock is enough. */
async function lock(trx: Transaction): Promise<void> {
  if (trx.dialect !== 'postgres') return
  await trx.query({ text: 'SET LOCAL statement_timeout = 0', values: [] })
  await trx.query({ text: `SELECT pg_advisory_xact_lock(hashtext('biodm migration'))`, values: [] })
}

function refuseImpossible(plan: MigrationPlan): void {
  const reasons = plan.impossible
  if (reasons.length === 0) return
  throw new MigrationRefused(`the rows there are do not allow it: ${reasons.join('; ')}`, plan, reasons)
}

async function apply(trx: Transaction, text: string, plan: MigrationPlan): Promise<void> {
  try {
    await trx.query({ text, values: [] })
  } catch (error) {
    if (error instanceof BiodmError && (error.code === 'unavailable' || error.code === 'timeout')) throw error
    const cause = error instanceof BiodmError ? error.cause : error
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MigrationRefused(`a statement failed, so nothing was applied: ${reason}\n${text}`, plan, [
      reason,
    ])
  }
}

/** Foreign keys are not enforced while SQLite tables are rebuilt. */
async function checkReferences(trx: Transaction, plan: MigrationPlan): Promise<void> {
  if (plan.statements.length === 0) return
  const broken = await trx.query({
    text: 'SELECT DISTINCT "table", "parent" FROM pragma_foreign_key_check',
    values: [],
  })
  if (broken.length === 0) return
  const reasons = broken.map(([table, parent]) => `${table} refers to rows of ${parent} that do not exist`)
  throw new MigrationRefused(`the rows there are do not allow it: ${reasons.join('; ')}`, plan, reasons)
}
