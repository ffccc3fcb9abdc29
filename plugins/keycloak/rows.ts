import { BiodmError, type ResourceFacts, type RuntimeTools, type TransactionContext } from 'biodm'

export type Kind = 'user' | 'group'

/** A stored user or group as far as the plugin cares: `name` is the username or the path. */
export interface KnownRow {
  readonly name: string
  readonly id: string | null
  /** All its columns. */
  readonly columns: Readonly<Record<string, unknown>>
}

/** One membership by names. */
export interface Membership {
  readonly username: string
  readonly path: string
}

type Trx = TransactionContext['trx']

/**
 * The plugin's view of the database: users and groups by name and by Keycloak's id, memberships, which of them a sync
 * made, and which deletions are still on their way to Keycloak. Names of tables and columns come from the model.
 */
export interface Rows {
  /** One transaction for several of the calls below. Prefix hooks use `ctx.transaction`, which may be another's. */
  transaction<T>(run: (trx: Trx) => Promise<T>): Promise<T>
  /** The same for calls that only read: on SQLite it does not wait for the writer. */
  read<T>(run: (trx: Trx) => Promise<T>): Promise<T>
  byName(trx: Trx, kind: Kind, names: readonly string[]): Promise<readonly KnownRow[]>
  byId(trx: Trx, kind: Kind, ids: readonly string[]): Promise<readonly KnownRow[]>
  clearId(trx: Trx, kind: Kind, name: string): Promise<void>
  /** Gives an id to a row that has none; false when it has one by now. */
  claimId(trx: Trx, kind: Kind, name: string, id: string): Promise<boolean>
  /** Whether the group has groups below it. */
  hasDescendants(trx: Trx, path: string): Promise<boolean>
  members(trx: Trx, path: string): Promise<readonly string[]>
  isMember(trx: Trx, membership: Membership): Promise<boolean>
  removeMembers(trx: Trx, path: string, usernames: readonly string[]): Promise<void>
  /** Members of the group that a sync put there. */
  marked(trx: Trx, path: string): Promise<readonly string[]>
  /** Those of the memberships that a sync made. */
  markedOf(trx: Trx, memberships: readonly Membership[]): Promise<readonly Membership[]>
  mark(trx: Trx, memberships: readonly Membership[]): Promise<void>
  unmark(trx: Trx, memberships: readonly Membership[]): Promise<void>
  /** Those of the names whose deletion in Keycloak is pending. */
  pending(trx: Trx, kind: Kind, names: readonly string[]): Promise<readonly string[]>
  addPending(trx: Trx, kind: Kind, row: { readonly name: string; readonly id: string }): Promise<void>
  removePending(trx: Trx, kind: Kind, name: string): Promise<void>
}

/** Values a statement: databases bound the number of variables. */
const CHUNK = 500

/** Name columns of the built-in resources, and the plugin's own resources (see index.ts). */
const RESOURCES = {
  user: { name: 'User', key: 'username' },
  group: { name: 'Group', key: 'path' },
} as const satisfies Record<Kind, { name: string; key: string }>

export function createRows(runtime: RuntimeTools): Rows {
  const table = (kind: Kind): string => facts(runtime, RESOURCES[kind].name).table
  const marks = (): string => facts(runtime, 'KeycloakMembership').table
  const deletions = (): string => facts(runtime, 'KeycloakDeletion').table

  const known = async (
    trx: Trx,
    kind: Kind,
    column: string,
    values: readonly string[],
  ): Promise<KnownRow[]> => {
    const { key } = RESOURCES[kind]
    const rows: KnownRow[] = []
    for (const chunk of chunks([...new Set(values)])) {
      const found: Record<string, unknown>[] = await trx(table(kind)).select('*').whereIn(column, chunk)
      rows.push(...found.map((row) => ({ name: String(row[key]), id: textOrNull(row['id']), columns: row })))
    }
    return rows
  }

  return {
    transaction: (run) => runtime.transaction(({ trx }) => run(trx)),
    read: (run) => runtime.transaction(({ trx }) => run(trx), { readonly: true }),
    byName: (trx, kind, names) => known(trx, kind, RESOURCES[kind].key, names),
    byId: (trx, kind, ids) => known(trx, kind, 'id', ids),
    async clearId(trx, kind, name) {
      await trx(table(kind)).where(RESOURCES[kind].key, name).update({ id: null })
    },
    async claimId(trx, kind, name, id) {
      const changed: unknown = await trx(table(kind))
        .where(RESOURCES[kind].key, name)
        .whereNull('id')
        .update({ id })
      return changed === 1
    },
    async hasDescendants(trx, path) {
      const prefix = `${path}__`
      const rows: unknown[] = await trx(table('group'))
        .select('path')
        .whereRaw('substr(??, 1, ?) = ?', ['path', [...prefix].length, prefix])
        .limit(1)
      return rows.length > 0
    },
    async members(trx, path) {
      const link = links(runtime)
      const rows: Record<string, unknown>[] = await trx(link.table).select(link.user).where(link.group, path)
      return rows.map((row) => String(row[link.user]))
    },
    async isMember(trx, { username, path }) {
      const link = links(runtime)
      const rows: unknown[] = await trx(link.table)
        .select(link.user)
        .where({ [link.user]: username, [link.group]: path })
      return rows.length > 0
    },
    async removeMembers(trx, path, usernames) {
      const link = links(runtime)
      for (const chunk of chunks(usernames)) {
        await trx(link.table).where(link.group, path).whereIn(link.user, chunk).del()
      }
    },
    async marked(trx, path) {
      const rows: Record<string, unknown>[] = await trx(marks()).select('username').where('path', path)
      return rows.map((row) => String(row['username']))
    },
    async markedOf(trx, memberships) {
      const found: Membership[] = []
      for (const chunk of chunks(memberships)) {
        const pairs = chunk.map(({ path, username }) => [path, username])
        const rows: Record<string, unknown>[] = await trx(marks())
          .select('path', 'username')
          .whereIn(['path', 'username'], pairs)
        found.push(...rows.map((row) => ({ path: String(row['path']), username: String(row['username']) })))
      }
      return found
    },
    async mark(trx, memberships) {
      for (const chunk of chunks(memberships)) {
        await trx(marks())
          .insert(chunk.map(({ username, path }) => ({ username, path })))
          .onConflict(['username', 'path'])
          .ignore()
      }
    },
    async unmark(trx, memberships) {
      for (const { username, path } of memberships) await trx(marks()).where({ username, path }).del()
    },
    async pending(trx, kind, names) {
      const found: string[] = []
      for (const chunk of chunks([...new Set(names)])) {
        const rows: Record<string, unknown>[] = await trx(deletions())
          .select('name')
          .where({ kind })
          .whereIn('name', chunk)
        found.push(...rows.map((row) => String(row['name'])))
      }
      return found
    },
    async addPending(trx, kind, { name, id }) {
      await trx(deletions()).insert({ kind, name, id }).onConflict(['kind', 'name']).merge(['id'])
    },
    async removePending(trx, kind, name) {
      await trx(deletions()).where({ kind, name }).del()
    },
  }
}

/** The association of users and groups, whatever the configuration calls it. */
function links(runtime: RuntimeTools): {
  readonly table: string
  readonly user: string
  readonly group: string
} {
  const link = facts(runtime, 'User').links['groups']
  const user = link?.own[0]?.column
  const group = link?.other[0]?.column
  if (link === undefined || user === undefined || group === undefined) {
    throw new BiodmError('internal', undefined, { cause: new Error('User has no n–m relation "groups"') })
  }
  return { table: link.table, user, group }
}

function facts(runtime: RuntimeTools, name: string): ResourceFacts {
  const found = runtime.resource(name)
  if (found === undefined) throw new Error(`there is no resource ${name}`)
  return found
}

function chunks<T>(values: readonly T[]): T[][] {
  const found: T[][] = []
  for (let start = 0; start < values.length; start += CHUNK) found.push(values.slice(start, start + CHUNK))
  return found
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)
