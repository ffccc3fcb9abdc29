import { READS } from './reads.mjs'
import { WRITES } from './writes.mjs'

export const WORKLOADS = [...READS, ...WRITES]
