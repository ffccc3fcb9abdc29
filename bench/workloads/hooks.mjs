/** A resource without hooks, on a server that has some and on one that has none. */
import { DATASETS, FILES } from '../lib/data.mjs'

const file = () => ({ path: `/files/${1 + Math.floor(Math.random() * DATASETS * FILES)}` })
const list = () => ({ path: '/files' })

const row = (name, request) => ({
  name: `PostgreSQL ${name} beside hooks`,
  database: 'postgres',
  floor: 0.95,
  goal: 1,
  against: 'without hooks',
  targets: {
    biodm: { server: 'hooks', request },
    'without hooks': { server: 'biodm', request },
  },
})

export const HOOKS = [row('point read, flat,', file), row('list of 50, flat,', list)]
