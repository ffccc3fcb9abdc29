/** Hooks that do nothing. */
import { definePlugin } from 'biodm'

export default definePlugin({
  name: 'hooks',
  hooks: {
    before: { stage: 'prefix', run() {} },
    after: { stage: 'postfix', run() {} },
  },
})
