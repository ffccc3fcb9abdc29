import { writeFile } from 'node:fs/promises'
import { configTemplate } from '../../config/template.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export async function run(
  file: string,
  { json }: { readonly json?: boolean },
  { output }: Session,
): Promise<number> {
  try {
    await writeFile(file, configTemplate(), { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    output.err(
      json === true
        ? JSON.stringify({ ok: false, message: `${file} exists` })
        : `biodm: ${file} exists; it was left as it is`,
    )
    return EXIT.failed
  }
  output.out(json === true ? JSON.stringify({ ok: true, file }) : `${file} written. Now: biodm serve ${file}`)
  return EXIT.ok
}
