import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Version of this package. */
export function packageVersion(): string {
  const file = fileURLToPath(new URL(import.meta.resolve('biodm/package.json')))
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
  return version
}
