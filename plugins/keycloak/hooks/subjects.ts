/**
 * What the hooks that precede a write have in common: the distinct users or groups of a call, which of them Keycloak must
 * be asked about, and the form of refusals.
 */
import {
  BiodmError,
  type ErrorCode,
  type PrefixContext,
  type PrefixItem,
  type Row,
  type TransactionContext,
} from 'biodm'
import { Refused } from '../admin/call.js'
import type { Keycloak } from '../manager.js'
import type { Kind } from '../rows.js'

/** One user or group of a call, however many objects name it. */
export interface Subject {
  readonly name: string
  readonly items: readonly PrefixItem[]
  /** The first object that names it: its pointer is the one refusals show. */
  readonly item: PrefixItem
  /** Pointer of the name. */
  readonly at: string
  /** Nothing but the key, nested in something else: merely referred to. */
  readonly reference: boolean
  /** The stored row's Keycloak id. */
  readonly storedId: string | null
  readonly stored: boolean
}

const KEYS = { user: 'username', group: 'path' } as const satisfies Record<Kind, string>

/** Objects without a name are left to the core, which refuses them. */
export function subjectsOf(ctx: PrefixContext, kind: Kind): readonly Subject[] {
  const key = KEYS[kind]
  const named = new Map<string, [PrefixItem, ...PrefixItem[]]>()
  for (const item of ctx.items) {
    const name = item.key?.[key]
    if (typeof name !== 'string') continue
    const same = named.get(name)
    if (same === undefined) named.set(name, [item])
    else same.push(item)
  }
  return [...named].map(([name, items]) => {
    const [item] = items
    const id = item.stored?.['id']
    return {
      name,
      items,
      item,
      at: ctx.operation === 'refer' ? item.pointer : `${item.pointer}/${key}`,
      reference: items.every((one) => isReference(one, key)),
      storedId: typeof id === 'string' ? id : null,
      stored: item.stored !== null,
    }
  })
}

const isReference = (item: PrefixItem, key: string): boolean =>
  item.via !== null && Object.keys(item.data).every((name) => name === key)

/** What the hooks look up in the database before the write. */
export const reading = <T>(
  ctx: PrefixContext,
  run: (trx: TransactionContext['trx']) => Promise<T>,
): Promise<T> => ctx.transaction(({ trx }) => run(trx), { readonly: true })

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

/** A refusal that names one key of the object; null: the name itself. */
export function refusal(
  code: ErrorCode,
  { item, at }: Subject,
  key: string | null,
  message: string,
): BiodmError {
  const pointer = key === null ? at : `${item.pointer}/${key}`
  return new BiodmError(code, message, { errors: [{ pointer, message }] })
}

/** Refuses names whose deletion in Keycloak is pending: a new entity of that name would be deleted, or kept by mistake. */
export async function refusePending(
  ctx: PrefixContext,
  { rows }: Keycloak,
  kind: Kind,
  subjects: readonly Subject[],
): Promise<void> {
  if (subjects.length === 0) return
  const names = subjects.map(({ name }) => name)
  const pending = await reading(ctx, (trx) => rows.pending(trx, kind, names))
  const subject = subjects.find(({ name }) => pending.includes(name))
  if (subject === undefined) return
  const message = `The ${kind} "${subject.name}" is just being deleted in Keycloak. Try again in a moment.`
  throw refusal(subject.reference ? 'reference_missing' : 'conflict', subject, null, message)
}

/** Refuses ids that are stored under another name: only a sync may move them. */
export async function refuseMoved(
  ctx: PrefixContext,
  { rows }: Keycloak,
  kind: Kind,
  found: readonly { readonly subject: Subject; readonly id: string }[],
): Promise<void> {
  const fresh = found.filter(({ subject, id }) => subject.storedId !== id)
  if (fresh.length === 0) return
  const ids = fresh.map(({ id }) => id)
  const known = await reading(ctx, (trx) => rows.byId(trx, kind, ids))
  for (const { subject, id } of fresh) {
    const holder = known.find((row) => row.id === id && row.name !== subject.name)
    if (holder === undefined) continue
    const message = `Keycloak's ${kind} "${subject.name}" is known as "${holder.name}" here: run a sync first.`
    throw refusal('conflict', subject, null, message)
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

/**
 * Whether the object is a mere reference to something that the caller could not create: what Keycloak knows of it is
 * brought in for them. Everything else becomes what the request itself writes.
 */
export const isImported = (ctx: PrefixContext, subject: Subject): boolean =>
  subject.reference && !subject.stored && !ctx.may('create', subject.item)

/** Puts what Keycloak knows into every object of the subject that does not say it. */
export function fill(subject: Subject, values: Row): void {
  for (const { data, stored } of subject.items) {
    for (const [name, value] of Object.entries(values)) {
      if (data[name] === undefined && (stored === null || stored[name] !== value)) data[name] = value
    }
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
