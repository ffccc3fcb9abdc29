/** `serve --watch`: tells when a configuration, one of its includes or its `.env` was changed. */
import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'

export interface Watching {
  close(): void
}

/** Editors write in several steps: a change is told once they have been quiet this long, ms. */
const QUIET_MS = 150
const RELEVANT = /\.(ya?ml|json|env)$|^\.env/

/** Folders are watched, not files: editors replace files. A folder that does not exist is passed over. */
export async function watchConfig(config: string, changed: () => void): Promise<Watching> {
  let timer: NodeJS.Timeout | null = null
  let watchers: FSWatcher[] = []
  const onChange = (_event: string, name: string | null): void => {
    if (name !== null && !RELEVANT.test(name)) return
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => {
      void open().then(changed)
    }, QUIET_MS)
  }
  const open = async (): Promise<void> => {
    const folders = await foldersOf(config)
    for (const watcher of watchers) watcher.close()
    watchers = folders.flatMap((folder) => {
      try {
        return [watch(folder, onChange).on('error', () => undefined)]
      } catch {
        return []
      }
    })
  }
  await open()
  return {
    close() {
      if (timer !== null) clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}

/** The folder of the configuration and those of its includes, as far as it can be read. */
async function foldersOf(config: string): Promise<readonly string[]> {
  const dir = dirname(resolve(config))
  const content: unknown = await readFile(config, 'utf8')
    .then((text) => parse(text))
    .catch(() => null)
  const include =
    typeof content === 'object' && content !== null && 'include' in content ? content.include : []
  const patterns = (Array.isArray(include) ? include : []).filter((item) => typeof item === 'string')
  return [...new Set([dir, ...patterns.map((pattern) => resolve(dir, fixedPart(pattern)))])]
}

/** `resources/*.yaml` → `resources`. */
const fixedPart = (pattern: string): string => dirname(pattern.replace(/[*?[{].*$/, 'x'))
