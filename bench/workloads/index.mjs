import { FILES } from './files.mjs'
import { HOOKS } from './hooks.mjs'
import { READS } from './reads.mjs'
import { RELEASES } from './releases.mjs'
import { WRITES } from './writes.mjs'

export const WORKLOADS = [...READS, ...HOOKS, ...WRITES, ...RELEASES, ...FILES]
