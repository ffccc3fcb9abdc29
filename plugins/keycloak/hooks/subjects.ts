/**
 * What the two write hooks have in common: the distinct users or groups of a call, which of them Keycloak must be asked
 * about, undoing, and the form of refusals.
 */
import { BiodmError, type ErrorCode, type PrefixContext, type PrefixItem, type Row } from 'biodm'
import { Refused } from '../admin/call.js'
import type { Keycloak } from '../manager.js'
import type { Kind } from '../rows.js'

/** One user or group of a call, however many objects name it. */
export interface Subject {
  readonly name: string
  readonly items: readonly PrefixItem[]
  /** The first object that names it: its pointer is the one refusals show. */
  readonly item: PrefixItem
  /** Nothing but the key, nested in something else: merely referred to. */
  readonly reference: boolean
  /** The stored row's Keycloak id. */
  readonly storedId: string | null
  readonly stored: boolean
}

const KEYS = { user: 'username', group: 'path' } as const satisfies Record<Kind, string>

/** Objects without a name are left to the core, which refuses them. */
export function subjectsOf(items: readonly PrefixItem[], kind: Kind): readonly Subject[] {
  const named = new Map<string, PrefixItem[]>()
  for (const item of items) {
    const name = item.data[KEYS[kind]] ?? item.key?.[KEYS[kind]]
    if (typeof name !== 'string') continue
    const same = named.get(name)
    if (same === undefined) named.set(name, [item])
    else same.push(item)
  }
  return [...named].flatMap(([name, same]) => {
    const [item] = same
    if (item === undefined) return []
    const id = item.stored?.['id']
    return {
      name,
      items: same,
      item,
      reference: same.every((one) => isReference(one, KEYS[kind])),
      storedId: typeof id === 'string' ? id : null,
      stored: item.stored !== null,
    }
  })
}

const isReference = (item: PrefixItem, key: string): boolean =>
  item.via !== null && Object.keys(item.data).every((name) => name === key)

/**
 * `id: null` releases a stored name: Keycloak is left alone, so nothing that belongs there may come with it. For what is
 * not stored it says nothing.
 */
export function releases(subject: Subject): boolean {
  const releasing = subject.items.filter(({ data }) => data['id'] === null)
  if (releasing.length === 0) return false
  if (!subject.stored) {
    for (const { data } of releasing) delete data['id']
    return false
  }
  const company = subject.items.flatMap(({ data }) => Object.keys(data)).find((name) => IN_KEYCLOAK.has(name))
  if (company === undefined) return true
  throw refusal('invalid_body', subject, company, 'A name is released by {"id": null} alone.')
}

/** What Keycloak keeps too, beside names and ids. */
const IN_KEYCLOAK: ReadonlySet<string> = new Set([
  'email',
  'firstName',
  'lastName',
  'password',
  'groups',
  'users',
])

/** A refusal that names the object, or one key of it. */
export function refusal(code: ErrorCode, { item }: Subject, key: string, message: string): BiodmError {
  const pointer = key === '' ? item.pointer : `${item.pointer}/${key}`
  return new BiodmError(code, message, { errors: [{ pointer, message }] })
}

/** Refuses names whose deletion in Keycloak is pending: a new entity of that name would be deleted, or kept by mistake. */
export async function refusePending(
  keycloak: Keycloak,
  kind: Kind,
  subjects: readonly Subject[],
): Promise<void> {
  if (subjects.length === 0) return
  const names = subjects.map(({ name }) => name)
  const pending = await keycloak.rows.transaction((trx) => keycloak.rows.pending(trx, kind, names))
  const subject = subjects.find(({ name }) => pending.includes(name))
  if (subject === undefined) return
  const message = `The ${kind} "${subject.name}" is just being deleted in Keycloak. Try again in a moment.`
  throw refusal(subject.reference ? 'reference_missing' : 'conflict', subject, KEYS[kind], message)
}

/** Refuses ids that are stored under another name: only a sync may move them. */
export async function refuseMoved(
  keycloak: Keycloak,
  kind: Kind,
  found: readonly { readonly subject: Subject; readonly id: string }[],
): Promise<void> {
  const fresh = found.filter(({ subject, id }) => subject.storedId !== id)
  if (fresh.length === 0) return
  const rows = await keycloak.rows.transaction((trx) =>
    keycloak.rows.byId(
      trx,
      kind,
      fresh.map(({ id }) => id),
    ),
  )
  for (const { subject, id } of fresh) {
    const holder = rows.find((row) => row.id === id && row.name !== subject.name)
    if (holder === undefined) continue
    const message = `Keycloak's ${kind} "${subject.name}" is known as "${holder.name}" here: run a sync first.`
    throw refusal('conflict', subject, KEYS[kind], message)
  }
}

/** The same for an id that the caller gives: Keycloak alone makes them. */
export function refuseForeignId(subject: Subject, id: string): void {
  for (const { data } of subject.items) {
    if (data['id'] !== undefined && data['id'] !== id) {
      throw refusal('invalid_body', subject, 'id', 'The id comes from Keycloak and cannot be chosen.')
    }
  }
}

/** Puts what Keycloak knows into every object of the subject that does not say it. */
export function fill(subject: Subject, values: Row): void {
  for (const { data, stored } of subject.items) {
    for (const [name, value] of Object.entries(values)) {
      if (data[name] === undefined && (stored === null || stored[name] !== value)) data[name] = value
    }
  }
}

/** Undone when the request does not commit; at once when it has ended already. */
export function undoable(ctx: PrefixContext, undo: () => Promise<unknown>): Promise<unknown> | undefined {
  try {
    ctx.onRollback(undo)
    return undefined
  } catch {
    return undo()
  }
}

/** Answers of Keycloak that nobody foresaw at their place must not become a server's fault. */
export async function withRefusals<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const code = error.status === 400 ? 'invalid_body' : 'conflict'
    throw new BiodmError(code, `Keycloak refused this (${error.status}). Try again.`, { cause: error })
  }
}
