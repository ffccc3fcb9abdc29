/** Believes what `x-groups` says: what identity costs is measured elsewhere, here it is the lists. */
import { definePlugin } from 'biodm'

/** Verified tokens are kept by real authenticators too. */
const known = new Map()

function identityOf(header) {
  const groups = header.split(',')
  const identity = { username: 'bench', groups, admin: false }
  known.set(header, identity)
  return identity
}

export default definePlugin({
  name: 'header_auth',
  authenticate({ headers }) {
    const header = headers['x-groups']
    return header === undefined ? null : (known.get(header) ?? identityOf(header))
  },
})
