import { definePlugin, type PostfixContext } from 'biodm'

/** Ends the process at once, without a farewell, where a test wants it: `KILL_AT` names one of the hooks. */
const killAt = (place: string) => (ctx: PostfixContext) => {
  if (process.env['KILL_AT'] !== place) return
  if (place === 'committed') ctx.afterCommit(() => process.kill(process.pid, 'SIGKILL'))
  else process.kill(process.pid, 'SIGKILL')
}

export default definePlugin({
  name: 'killer',
  traits: { early: { hooks: { create: { postfix: ['killer.inserted'] } } } },
  hooks: {
    inserted: { stage: 'postfix', run: killAt('inserted') },
    begun: { stage: 'postfix', run: killAt('begun') },
    committed: { stage: 'postfix', run: killAt('committed') },
    completed: { stage: 'postfix', run: killAt('completed') },
  },
})
