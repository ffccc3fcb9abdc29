/**
 * Random sequences of writes, deletes and releases: after every one of them the status and everything stored are what a naive
 * model says, on both databases. `BIODM_SEED` and `BIODM_VERSIONS_RUNS` look further.
 */
import '../helpers/seed.js'
import fc from 'fast-check'
import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { type Command, command } from './versions-commands.js'
import { World } from './versions-model.js'
import { type Play, play } from './versions-play.js'
import { Server } from './versions-server.js'
import { CONFIG } from './versions-world.js'

const RUNS = Number(process.env['BIODM_VERSIONS_RUNS'] ?? 40)
const COMMANDS = 25

class Difference extends Error {}

/** Without what is embedded, which the body of a release may change in passing. */
const ownText = (row: object): string =>
  JSON.stringify(Object.entries(row).filter(([, value]) => value === null || typeof value !== 'object'))

async function ask(server: Server, world: World, { method, path, body, answer, released }: Play) {
  const address = path(server)
  const sent = body?.(server)
  const old = released === undefined ? undefined : server.path(released)
  const before = old === undefined ? undefined : (await server.api.get(old)).body
  const given = await server.api.request({
    method,
    path: address,
    ...(sent === undefined ? {} : { body: sent }),
  })
  const expected = answer()
  const told = `${method} ${address} ${JSON.stringify(sent)}\nanswered ${given.status} ${JSON.stringify(given.body)}`
  if (given.status !== expected) throw new Difference(`${told}\nexpected ${expected}`)
  const difference = await server.difference(world)
  if (difference !== undefined) throw new Difference(`${told}\n${difference}`)
  if (old !== undefined && given.status === 201) {
    const now = (await server.api.get(old)).body
    const same = ownText({ ...now, is_latest: true }) === ownText(before)
    if (!same || now.is_latest !== false)
      throw new Difference(`${told}\nthe old version is ${JSON.stringify(now)}`)
    const made = (await server.api.get(given.headers['location'] ?? '')).body
    if (JSON.stringify(made) !== JSON.stringify(given.body))
      throw new Difference(`${told}\nbut reads ${JSON.stringify(made)}`)
  }
  return expected
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: writes, deletes and releases do what the naive model says`, async (t) => {
    const server = new Server(await startApi(t, CONFIG, { dialect }))
    const answers = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 8, maxLength: COMMANDS, size: 'max' }),
        async (commands: Command[]) => {
          await server.empty()
          const world = new World()
          for (const each of commands) {
            const played = play(world, each)
            if (played === null) continue
            const seen = `${each.do} ${await ask(server, world, played)}`
            answers.set(seen, (answers.get(seen) ?? 0) + 1)
          }
        },
      ),
      { numRuns: RUNS, endOnFailure: process.env['BIODM_SHRINK'] === undefined },
    )
    t.comment(
      [...answers]
        .sort()
        .map(([seen, count]) => `${seen}: ${count}`)
        .join(', '),
    )
    for (const seen of ['create 201', 'release 201', 'release 400', 'release 409', 'delete 204']) {
      t.ok((answers.get(seen) ?? 0) > 0, seen)
    }
  })
}
