import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Absolute path of a file in the package's `config/` folder, from the sources as from the built files. */
export function packagedFile(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'config', 'core.yaml')) && dirname(folder) !== folder)
    folder = dirname(folder)
  return join(folder, 'config', name)
}
