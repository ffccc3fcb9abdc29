import { BiodmError, type Row } from 'biodm'
import type { Kind, KnownRow } from '../rows.js'
import type { Sync } from './sync.js'

/** A user or group of Keycloak as it should be stored; `columns` holds its id too. */
export interface Entity {
  readonly name: string
  readonly id: string
  readonly columns: Readonly<Row>
}

export interface Counts {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
}

const RESOURCES = {
  user: { name: 'User', key: 'username' },
  group: { name: 'Group', key: 'path' },
} as const satisfies Record<Kind, { name: string; key: string }>

/** Brings one batch into the database: absent rows are made, those that differ follow Keycloak. */
export async function storeEntities(sync: Sync, kind: Kind, all: readonly Entity[]): Promise<Counts> {
  const { known, pending } = await stored(sync, kind, all)
  const batch = all.filter(({ name }) => !pending.has(name))
  await releaseMoved(sync, kind, batch)
  const created: Entity[] = []
  const updated: Entity[] = []
  let unchanged = 0
  for (const entity of batch) {
    const row = known.get(entity.name)
    if (row === undefined) created.push(entity)
    else if (row.id !== null && row.id !== entity.id) {
      sync.conflict(
        `${kind} ${entity.name}`,
        'it was deleted and made anew in Keycloak: release its id by PUT {"id": null}',
      )
    } else if (
      Object.entries(entity.columns).some(([name, value]) => (row.columns[name] ?? null) !== value)
    ) {
      updated.push(entity)
    } else unchanged += 1
  }
  for (const { name } of created) sync.onChange?.(`+ ${kind} ${name}`)
  for (const { name } of updated) sync.onChange?.(`~ ${kind} ${name}`)
  if (sync.dryRun) return { created: created.length, updated: updated.length, unchanged }
  return { created: await write(sync, kind, created), updated: await write(sync, kind, updated), unchanged }
}

/** Rows of those names, and the names that are on their way out of Keycloak. */
async function stored(
  { keycloak: { rows } }: Sync,
  kind: Kind,
  entities: readonly Entity[],
): Promise<{ known: ReadonlyMap<string, KnownRow>; pending: ReadonlySet<string> }> {
  const names = entities.map(({ name }) => name)
  return rows.read(async (trx) => ({
    known: new Map((await rows.byName(trx, kind, names)).map((row) => [row.name, row])),
    pending: new Set(await rows.pending(trx, kind, names)),
  }))
}

/** An id that is stored under another name: the old row keeps name and lists, and loses the id. */
async function releaseMoved(sync: Sync, kind: Kind, entities: readonly Entity[]): Promise<void> {
  const { rows } = sync.keycloak
  const nameOf = new Map(entities.map(({ id, name }) => [id, name]))
  const moved = (await rows.read((trx) => rows.byId(trx, kind, [...nameOf.keys()]))).flatMap((row) => {
    const name = nameOf.get(row.id ?? '')
    return name === undefined || name === row.name ? [] : [{ old: row.name, name }]
  })
  for (const { old, name } of moved) {
    sync.conflict(`${kind} ${old}`, `it is called ${name} in Keycloak now; the old row stays without an id`)
    sync.onChange?.(`~ ${kind} ${old} loses its id to ${name}`)
  }
  if (sync.dryRun || moved.length === 0) return
  await rows.transaction(async (trx) => {
    for (const { old } of moved) await rows.clearId(trx, kind, old)
  })
}

/** How many were written. A row that the model refuses does not keep the others out. */
async function write(sync: Sync, kind: Kind, entities: readonly Entity[]): Promise<number> {
  if (entities.length === 0) return 0
  const { name: resource, key } = RESOURCES[kind]
  const data = entities.map(({ name, columns }): Row => ({ [key]: name, ...columns }))
  const put = (rows: Row[]) => sync.keycloak.ownWrite(() => sync.service(resource).write(rows))
  try {
    await put(data)
    return entities.length
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  let written = 0
  for (const row of data) {
    try {
      await put([row])
      written += 1
    } catch (error) {
      if (!isRefusal(error)) throw error
      sync.skip(`${kind} ${String(row[key])}`, error.message)
    }
  }
  return written
}

const isRefusal = (error: unknown): error is BiodmError => error instanceof BiodmError && error.status < 500
