/** `biodm user add <config> NAME --group admin`: the first account, which nobody could make over HTTP. */
import { randomBytes } from 'node:crypto'
import { text as readAll } from 'node:stream/consumers'
import { BiodmError, type CommandContext, type PluginCommand } from 'biodm'
import { passwordFault } from './passwords.js'
import { type Prompt, terminalPrompt } from './prompt.js'

export const COMMAND: PluginCommand = {
  name: 'user',
  description: 'Make a user who can log in',
  arguments: [
    ['<action>', 'add'],
    ['<name>', 'user name: lower-case letters, digits and . _ @ -'],
  ],
  options: [
    ['--group <path...>', 'groups of the user, made where they do not exist; "admin" for an administrator'],
    ['--password-stdin', 'read the password from standard input'],
    ['--email <address>', 'e-mail address'],
  ],
  run: (ctx) => addUser(ctx, process.stdin.isTTY ? terminalPrompt : null),
}

/** `prompt` null: no terminal. Exit code 1 for a name that exists and for whatever the server's rules refuse. */
export async function addUser(ctx: CommandContext, prompt: Prompt | null): Promise<number> {
  const [action, name = ''] = ctx.args
  if (action !== 'add') {
    ctx.err(`unknown action "${action}": write \`user add\``)
    return 2
  }
  const users = ctx.service('User')
  if ((await users.read(name)) !== null) {
    ctx.err(`user "${name}" exists already`)
    return 1
  }
  const chosen = await choosePassword(ctx, prompt)
  if ('fault' in chosen) {
    ctx.err(chosen.fault)
    return 1
  }
  const groups = groupsOf(ctx.flags['group'])
  const { email } = ctx.flags
  try {
    if (groups.length > 0) await ctx.service('Group').write(withParents(groups).map((path) => ({ path })))
    await users.write({
      username: name,
      password: chosen.password,
      ...(typeof email === 'string' ? { email } : {}),
      ...(groups.length > 0 ? { groups: groups.map((path) => ({ path })) } : {}),
    })
  } catch (error) {
    if (!(error instanceof BiodmError)) throw error
    ctx.err(`user "${name}" was not made: ${error.message}`)
    return 1
  }
  report(ctx, name, groups, chosen.generated ? chosen.password : null)
  return 0
}

function report(
  ctx: CommandContext,
  username: string,
  groups: readonly string[],
  generated: string | null,
): void {
  if (ctx.json) {
    ctx.out(JSON.stringify({ username, groups, ...(generated === null ? {} : { password: generated }) }))
    return
  }
  ctx.out(
    `user "${username}" was made${groups.length === 0 ? '' : `, a member of ${groups.map((path) => `"${path}"`).join(', ')}`}`,
  )
  if (generated !== null) ctx.out(`password: ${generated}`)
}

type Chosen = { readonly password: string; readonly generated: boolean } | { readonly fault: string }

/** Given on standard input, asked for twice on a terminal, else generated and printed once. */
async function choosePassword(ctx: CommandContext, prompt: Prompt | null): Promise<Chosen> {
  if (ctx.flags['passwordStdin'] === true) {
    return checked((await readAll(process.stdin)).replace(/\r?\n$/, ''))
  }
  if (prompt === null) return { password: randomBytes(18).toString('base64url'), generated: true }
  const password = await prompt('Password: ')
  const again = await prompt('Again: ')
  return password === again ? checked(password) : { fault: 'the two passwords differ' }
}

function checked(password: string): Chosen {
  const fault = passwordFault(password)
  return fault === null ? { password, generated: false } : { fault: `the password ${fault}` }
}

const groupsOf = (flag: unknown): string[] =>
  [flag].flat().filter((path): path is string => typeof path === 'string')

/** `a__b` → `a`, `a__b`: a group's parents are groups too. */
const withParents = (paths: readonly string[]): string[] => [
  ...new Set(
    paths.flatMap((path) => {
      const levels = path.split('__')
      return levels.map((_, index) => levels.slice(0, index + 1).join('__'))
    }),
  ),
]
