import { setTimeout as sleep } from 'node:timers/promises'

/** Whether `condition` came true in time. */
export async function until(condition: () => Promise<boolean>, limitMs = 15_000): Promise<boolean> {
  const end = Date.now() + limitMs
  while (Date.now() < end) {
    if (await condition()) return true
    await sleep(50)
  }
  return false
}
