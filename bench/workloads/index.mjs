import { READS } from './reads.mjs'

export const WORKLOADS = [...READS]
