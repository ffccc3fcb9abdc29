/** What a load looked at, so that somebody can tell whether another load would see something else. */
import { statSync } from 'node:fs'
import { matchFiles } from './include.js'

/** One belongs to one load. Files that do not exist count too: their appearance is a change. */
export class Inputs {
  readonly #files = new Map<string, string>()
  readonly #matches = new Map<string, { readonly look: () => string; readonly found: string }>()

  /** To be called before the file is read: what is written while a load goes on is a change. */
  file(path: string): void {
    if (!this.#files.has(path)) this.#files.set(path, stampOf(path))
  }

  /** The files of an include. */
  matches(pattern: string, dir: string): readonly string[] {
    const found = matchFiles(pattern, dir)
    const look = (): string => matchFiles(pattern, dir).join('\n')
    this.#matches.set(`${dir}\0${pattern}`, { look, found: found.join('\n') })
    return found
  }

  /** One text for the state that the load saw. */
  before(): string {
    const matches = [...this.#matches.values()].map(({ found }) => found)
    return JSON.stringify([[...this.#files.values()], matches])
  }

  /** The same for the state of this moment: equal as long as nothing changed. */
  now(): string {
    const files = [...this.#files.keys()].map(stampOf)
    return JSON.stringify([files, [...this.#matches.values()].map(({ look }) => look())])
  }
}

/** Editors replace files, and links may lead elsewhere: the file behind the name counts. */
function stampOf(path: string): string {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true })
    return `${mtimeNs}.${size}.${ino}`
  } catch {
    return ''
  }
}
