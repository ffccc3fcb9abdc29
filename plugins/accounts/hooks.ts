/** What writing users means here: names of one form, and passwords that become hashes before anything is written. */
import { BiodmError, type ErrorCode, type PrefixContext, type PrefixItem } from 'biodm'
import { accountsOf, nameSubject } from './manager.js'
import { passwordFault } from './passwords.js'

const NAME = /^[a-z0-9._@-]{1,255}$/

export const USER_TRAIT = {
  description: 'A user who logs in with a password',
  columns: {
    password: {
      type: 'string(128)',
      virtual: true,
      description: 'New password, 8 to 128 characters; never returned',
    },
    current_password: {
      type: 'string(128)',
      virtual: true,
      description: 'Needed to change one’s own password',
    },
    password_hash: { type: 'text', hidden: true, readonly: true },
  },
  own: ['password', 'current_password'],
  hooks: { create: { prefix: ['accounts.named'] }, write: { prefix: ['accounts.password'] } },
} as const

/** Names that can be told apart in every place that shows them. */
export function named(ctx: PrefixContext): void {
  for (const { data, pointer } of ctx.items) {
    const name = data['username']
    if (typeof name !== 'string' || NAME.test(name)) continue
    throw refuse(
      'invalid_body',
      `${pointer}/username`,
      'may hold lower-case letters, digits and . _ @ - only',
    )
  }
}

export async function password(ctx: PrefixContext): Promise<void> {
  for (const item of ctx.items) {
    const { data, pointer } = item
    if (data['password'] === undefined) continue
    const fault = passwordFault(data['password'])
    if (fault !== null) throw refuse('invalid_body', `${pointer}/password`, fault)
    if (item.stored !== null && isOwn(ctx, item)) await confirm(ctx, item)
    data['password_hash'] = await accountsOf(ctx).passwords.hash(String(data['password']))
  }
}

const isOwn = ({ identity }: PrefixContext, { stored }: PrefixItem): boolean =>
  identity !== null && stored?.['username'] === identity.username

/** A stolen token does not give the account away. Guesses count as failed logins. */
async function confirm(ctx: PrefixContext, { data, stored, pointer }: PrefixItem): Promise<void> {
  const given = data['current_password']
  if (typeof given !== 'string') {
    throw refuse('missing_fields', pointer, 'needs "current_password" to change one’s own password')
  }
  const { attempts, passwords } = accountsOf(ctx)
  const hash = stored?.['password_hash']
  const right = await attempts.run([nameSubject(String(stored?.['username']))], () =>
    passwords.verify(given, typeof hash === 'string' ? hash : null),
  )
  if (!right) throw refuse('forbidden', `${pointer}/current_password`, 'is wrong')
}

function refuse(code: ErrorCode, pointer: string, message: string): BiodmError {
  const place = pointer === '' ? 'The body' : `"${pointer}"`
  return new BiodmError(code, `${place} ${message}`, { errors: [{ pointer, message }] })
}
