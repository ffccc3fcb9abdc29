/** `biodm can biodm.yaml ada read /files/7`: a decision and its reasons, without a server. */
import { loadDefinition } from '../../config/load.js'
import { parseKey } from '../../controllers/key.js'
import { BiodmError } from '../../errors.js'
import { type Caller, SYSTEM } from '../../identity.js'
import { loadPlugin } from '../../registry.js'
import { type Runtime, runtimeOf } from '../../runtime.js'
import { type Explanation, explain } from '../../services/access-explain.js'
import { commandLog } from '../log.js'
import { type CommonFlags, definitionOverrides } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export interface CanArguments {
  readonly config: string
  /** A user name; `-` stands for nobody. */
  readonly user: string
  readonly verb: string
  /** `/files/7`, or `/files` for what holds before any row is looked at. */
  readonly path: string
}

/** Exit code 0: may; 1: may not, or there is no such user, verb or row. */
export async function run(asked: CanArguments, flags: CommonFlags, { output }: Session): Promise<number> {
  const definition = await loadDefinition(asked.config, { loadPlugin, overrides: definitionOverrides(flags) })
  const runtime = await runtimeOf(definition, {
    log: commandLog('warn'),
    background: false,
    plugins: false,
    looks: true,
  })
  try {
    const caller = await callerOf(runtime, asked.user)
    const decision = await decide(runtime, caller, asked)
    if (flags.json === true) output.out(JSON.stringify({ ...asked, ...decision }))
    else for (const line of lines(asked, decision)) output.out(line)
    return decision.allowed ? EXIT.ok : EXIT.failed
  } finally {
    await runtime.close()
  }
}

async function callerOf({ core, definition }: Runtime, user: string): Promise<Caller> {
  if (user === '-') return null
  const request = { caller: SYSTEM, ...SILENT, log: core.log }
  const users = core.service({ request })('User')
  const found = await users.read(user, { fields: 'username,groups.path' })
  if (found === null) throw new BiodmError('not_found', `there is no user "${user}"; "-" stands for nobody`)
  const groups = (found['groups'] as readonly { readonly path: string }[]).map(({ path }) => path)
  return { username: user, groups, admin: groups.includes(definition.server.adminGroup) }
}

const SILENT = {
  id: 'can',
  method: 'INTERNAL',
  path: '/can',
  signal: new AbortController().signal,
  joined: null,
} as const

async function decide({ core, model }: Runtime, caller: Caller, asked: CanArguments): Promise<Explanation> {
  const [, path = '', id] = /^\/?([^/]+)(?:\/([^/]+))?\/?$/.exec(asked.path) ?? []
  const resource = model.byPath.get(path)
  if (resource === undefined) {
    const known = [...model.byPath.keys()].map((each) => `/${each}`).join(', ')
    throw new BiodmError('not_found', `"${asked.path}" is the path of no resource or row (known: ${known})`)
  }
  if (!resource.access.has(asked.verb)) {
    const verbs = [...resource.access.keys()].join(', ')
    throw new BiodmError('bad_request', `${resource.name} has no verb "${asked.verb}" (known: ${verbs})`)
  }
  const key = id === undefined ? null : parseKey(resource, decodeURIComponent(id))
  return await explain(core, caller, resource, key, asked.verb)
}

function lines({ user, verb, path }: CanArguments, { allowed, reasons }: Explanation): readonly string[] {
  const who = user === '-' ? 'Nobody in particular' : user
  return [
    `${who} ${allowed ? 'may' : 'may not'} ${verb} ${path}`,
    ...reasons.map(({ passes, text }) => `  ${passes ? 'passes ' : 'refuses'}  ${text}`),
  ]
}
