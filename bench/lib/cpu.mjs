/** CPU time of processes, in milliseconds, from /proc. Where there is none, nothing is known: null. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10

function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), own: utime + stime, children: cutime + cstime }
  } catch {
    return null
  }
}

export function processCpu(pid) {
  const found = stat(pid)
  return found === null ? null : found.own * TICK_MS
}

/** Of a PostgreSQL server: the postmaster, its backends, and those that have ended. */
export function postgresCpu(postmaster) {
  const root = stat(postmaster)
  if (root === null) return null
  let total = root.own + root.children
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const each = stat(Number(name))
    if (each?.parent === postmaster) total += each.own
  }
  return total * TICK_MS
}

/** The postmaster of a connection's backend. */
export async function postmasterOf(client) {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  return stat(rows[0].pid)?.parent ?? null
}

/** Resident memory in MB. */
export function memoryOf(pid) {
  try {
    const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return match === null ? null : Number(match[1]) / 1024
  } catch {
    return null
  }
}
