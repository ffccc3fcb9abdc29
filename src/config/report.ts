/** Gathers the faults of one load: stages say a path, the report finds the place in the files. */
import { ConfigError, type Diagnostic } from './diagnostics.js'
import { type Path, pathKey, type Range, type Source } from './source.js'

export interface FaultOptions {
  readonly hint?: string | null
  /** Point at the key instead of the value. Default: the value. */
  readonly key?: boolean
  /** Look only in this file. */
  readonly file?: string
}

interface Redirect {
  readonly from: Path
  readonly to: Path
  readonly prefix: string
}

/** One report belongs to one load. */
export class Report {
  readonly #sources: Source[] = []
  readonly #redirects: Redirect[] = []
  readonly #faults = new Map<string, Diagnostic & { readonly order: number; readonly offset: number }>()
  readonly #broken = new Set<string>()

  /** Sources are searched together; where several hold a path, the first one added wins. */
  addSource(source: Source): void {
    this.#sources.push(source)
    for (const path of source.broken) this.markBroken(path)
    for (const fault of source.faults) this.#push(source, fault.range, fault.message, fault.hint)
  }

  /** Faults below `from`, which is in no file, are shown at `to` with `prefix` before the message. */
  redirect(from: Path, to: Path, prefix: string): void {
    this.#redirects.push({ from, to, prefix })
  }

  fault(path: Path, message: string, options: FaultOptions = {}): void {
    const redirect = this.#redirects.find((candidate) => startsWith(path, candidate.from))
    const target = redirect === undefined ? path : redirect.to
    const found = this.#locate(target, options.file)
    if (found === null) {
      this.#pushBare(`${(redirect?.prefix ?? '') + message} (${target.join('.')})`, options.hint ?? null)
      return
    }
    const range =
      options.key === true || redirect !== undefined
        ? (found.place.key ?? found.place.value)
        : found.place.value
    // Only a part of the path is in a file: what is said about a missing part points at the key of its holder.
    const at = found.depth < target.length && found.place.key !== null ? found.place.key : range
    this.#push(found.source, at, (redirect?.prefix ?? '') + message, options.hint ?? null)
  }

  /** A fault of a file as a whole. */
  fileFault(file: string, message: string, hint: string | null = null): void {
    this.#put({ file, line: 1, column: 1, message, hint, source: '', length: 1, order: -1, offset: 0 })
  }

  /** Remembers that what is at `path` was wrong and taken out, so that nobody complains about its absence. */
  markBroken(path: Path): void {
    this.#broken.add(pathKey(path))
  }

  isBroken(path: Path): boolean {
    return path.some((_, end) => this.#broken.has(pathKey(path.slice(0, end + 1)))) || this.#broken.has('')
  }

  /** Whether `name` may be a resource that a broken part of the configuration would have declared. */
  mayBeResource(name: string): boolean {
    return this.isBroken(['resources', name]) || this.isBroken(['include'])
  }

  get size(): number {
    return this.#faults.size
  }

  /** Throws when anything was reported. */
  check(): void {
    if (this.#faults.size === 0) return
    const sorted = [...this.#faults.values()].sort((a, b) => a.order - b.order || a.offset - b.offset)
    throw new ConfigError(sorted.map(({ order: _order, offset: _offset, ...fault }) => Object.freeze(fault)))
  }

  #locate(path: Path, file?: string) {
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const key = pathKey(path.slice(0, depth))
      for (const source of this.#sources) {
        if (file !== undefined && source.file !== file) continue
        const place = source.places.get(key)
        if (place !== undefined) return { source, place, depth }
      }
    }
    return null
  }

  #push(source: Source, range: Range, message: string, hint: string | null): void {
    const offset = Math.min(range[0], source.text.length)
    const { line, col } = source.lines.linePos(offset)
    const start = offset - (Math.max(col, 1) - 1)
    const end = source.text.indexOf('\n', start)
    const text = source.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '')
    const order = this.#sources.indexOf(source)
    const length = Math.max(1, Math.min(range[1] - range[0], text.length - (col - 1)))
    this.#put({
      file: source.file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      message,
      hint,
      source: text,
      length,
      order,
      offset,
    })
  }

  #pushBare(message: string, hint: string | null): void {
    const file = this.#sources[0]?.file ?? 'config'
    this.#put({ file, line: 1, column: 1, message, hint, source: '', length: 1, order: 0, offset: 0 })
  }

  #put(fault: Diagnostic & { readonly order: number; readonly offset: number }): void {
    this.#faults.set(`${fault.file}\0${fault.line}\0${fault.column}\0${fault.message}`, fault)
  }
}

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((part, index) => path[index] === part)
}
