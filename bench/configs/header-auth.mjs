/** Believes what `x-groups` says: what identity costs is measured elsewhere, here it is the lists. */
import { definePlugin } from 'biodm'

export default definePlugin({
  name: 'header_auth',
  authenticate({ headers }) {
    const groups = headers['x-groups']?.split(',') ?? []
    return groups.length === 0 ? null : { username: 'bench', groups, admin: false }
  },
})
