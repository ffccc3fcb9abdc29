import { readFile } from 'node:fs/promises'

/** Process numbers of the children that a process has now. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim() === '' ? [] : text.trim().split(' ').map(Number)
}
