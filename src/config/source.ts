/** YAML text → plain values plus the place of every key and value, so that later faults can be shown where they are. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from 'yaml'

/** Keys and list indexes from the root of a document: `['resources', 'Dataset', 'unique', '0']`. */
export type Path = readonly string[]

/** Offsets into the text: `[start, end)`. */
export type Range = readonly [start: number, end: number]

export interface Source {
  readonly file: string
  readonly text: string
  readonly value: unknown
  /** By `pathKey`. `key` is null for list items and the root. */
  readonly places: ReadonlyMap<string, { readonly key: Range | null; readonly value: Range }>
  /** Faults of the YAML itself. */
  readonly faults: readonly SourceFault[]
  /** Values that were refused and left out. */
  readonly broken: readonly Path[]
  /** true: the text is not YAML at all, so that `value` means nothing. */
  readonly unreadable: boolean
  readonly lines: LineCounter
}

export interface SourceFault {
  readonly range: Range
  readonly message: string
  readonly hint: string | null
}

/** One string for a path, as key of maps and sets. No YAML key holds NUL. */
export const pathKey = (path: Path): string => path.join('\0')

/** Values that one document may hold after its aliases are expanded. */
const MAX_NODES = 100_000
const MAX_DEPTH = 64
const MAX_FAULTS = 100

/** Never throws: what is wrong with the text is in `faults`. */
export function parseSource(file: string, text: string): Source {
  const lines = new LineCounter()
  const found: Found = { places: new Map(), faults: [], broken: [] }
  const { faults } = found
  const base = { file, text, lines, ...found }
  try {
    const document = parseDocument(text, { version: '1.2', lineCounter: lines, prettyErrors: false })
    const unreadable = yamlFaults(document, text, faults)
    if (unreadable) return { ...base, value: null, unreadable }
    const value = new Converter(document, text, found).root()
    return { ...base, value, unreadable: false }
  } catch (cause) {
    const message = cause instanceof RangeError ? 'the document is nested too deeply' : String(cause)
    faults.push({ range: [0, 1], message, hint: null })
    return { ...base, value: null, unreadable: true }
  }
}

/** Faults that leave a usable document behind. */
const HARMLESS = new Set(['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'])

const YAML_HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'align this line with its neighbours',
  BLOCK_AS_IMPLICIT_KEY: 'quote the value, or move it to a line of its own',
  MULTIPLE_DOCS: 'keep one document in a file',
  MISSING_CHAR: 'close the quote or bracket',
}

function yamlFaults(document: Document.Parsed<ParsedNode>, text: string, faults: SourceFault[]): boolean {
  let unreadable = false
  for (const error of [...document.errors, ...document.warnings]) {
    // Once the parser has lost its way, each word of the rest is one more of these.
    if (unreadable && error.code === 'UNEXPECTED_TOKEN') continue
    const message = MESSAGES[error.code] ?? lowerFirst(error.message)
    const variable = text.startsWith('${', error.pos[0] - 1)
    faults.push({
      range: error.pos,
      message,
      hint: variable ? VARIABLE_HINT : (YAML_HINTS[error.code] ?? null),
    })
    if (!HARMLESS.has(error.code)) unreadable = true
  }
  return unreadable
}

const VARIABLE_HINT = 'quote a variable between brackets: `{ port: "${PORT}" }`'

const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is already used in the same mapping',
  MULTIPLE_DOCS: 'a second document begins here',
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

type Places = Map<string, { key: Range | null; value: Range }>

/** What a conversion fills in. */
interface Found {
  readonly places: Places
  readonly faults: SourceFault[]
  readonly broken: Path[]
}

/** Nodes → plain values. A value that is refused is left out (undefined), its path remembered as broken. */
class Converter {
  readonly #document: Document.Parsed<ParsedNode>
  readonly #text: string
  readonly #found: Found
  /** Collections that are being converted: an alias to one of them would never end. */
  readonly #open = new Set<Node>()
  #nodes = 0

  constructor(document: Document.Parsed<ParsedNode>, text: string, found: Found) {
    this.#document = document
    this.#text = text
    this.#found = found
  }

  root(): unknown {
    return this.#convert(this.#document.contents, [], null, [0, 1])
  }

  /** `fallback`: where to point when the node has no place of its own (an absent value). */
  #convert(node: Node | null, path: Path, key: Range | null, fallback: Range): unknown {
    const value = rangeOf(node) ?? fallback
    this.#found.places.set(pathKey(path), { key, value })
    this.#nodes += 1
    if (this.#nodes > MAX_NODES) return this.#tooMany(path, value)
    if (path.length > MAX_DEPTH) return this.#refuse(path, value, `more than ${MAX_DEPTH} levels`)
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), path, key, value)
    if (isScalar(node)) return this.#scalar(node.value, path, value)
    return node === null ? null : this.#collection(node, path, value)
  }

  /** Said once: the rest of the document is left out. */
  #tooMany(path: Path, at: Range): undefined {
    if (this.#nodes === MAX_NODES + 1) this.#refuse(path, at, `more than ${MAX_NODES} values`)
    this.#found.broken.push(path)
  }

  #alias(target: Node | undefined, path: Path, key: Range | null, at: Range): unknown {
    if (target === undefined) return this.#refuse(path, at, 'this alias has no anchor before it')
    if (this.#open.has(target)) return this.#refuse(path, at, 'this alias holds itself')
    const value = this.#convert(target, path, key, at)
    this.#found.places.set(pathKey(path), { key, value: at })
    return value
  }

  #collection(node: Node, path: Path, at: Range): unknown {
    this.#open.add(node)
    const value = isMap(node)
      ? this.#map(node.items, path, at)
      : isSeq(node)
        ? this.#list(node.items, path, at)
        : null
    this.#open.delete(node)
    return value
  }

  #list(items: readonly unknown[], path: Path, at: Range): unknown {
    const values = items.map((item, i) => this.#convert(item as Node, [...path, String(i)], null, at))
    return values.includes(undefined) ? undefined : values
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: Path, at: Range): unknown {
    const result: Record<string, unknown> = Object.create(null)
    for (const item of items) {
      const keyRange = rangeOf(item.key as Node) ?? at
      const name = this.#key(item.key, path, keyRange)
      if (name === null || name in result) continue
      const value = this.#convert(item.value as Node | null, [...path, name], keyRange, keyRange)
      if (value !== undefined) result[name] = value
    }
    return result
  }

  /** Text of a key as written (`404` is the key "404"); null when it cannot be one. */
  #key(key: unknown, path: Path, at: Range): string | null {
    const name = isScalar(key)
      ? typeof key.value === 'string'
        ? key.value
        : this.#text.slice(at[0], at[1]).trim()
      : null
    if (name === null) this.#refuse([...path, ''], at, 'a key must be a plain word')
    else if (name === '__proto__' || name.includes('\0'))
      this.#refuse([...path, name], at, 'this key is not allowed')
    else return name
    return null
  }

  #scalar(value: unknown, path: Path, at: Range): unknown {
    if (typeof value === 'bigint') return this.#refuse(path, at, 'this number is too large')
    const infinite = typeof value === 'number' && !Number.isFinite(value)
    return infinite ? this.#refuse(path, at, 'this is not a finite number') : value
  }

  #refuse(path: Path, range: Range, message: string): undefined {
    const { faults, broken } = this.#found
    if (faults.length >= MAX_FAULTS) return
    faults.push({ range, message, hint: null })
    broken.push(path)
  }
}

function rangeOf(node: Node | null | undefined): Range | null {
  const range = node?.range
  return range === null || range === undefined ? null : [range[0], Math.max(range[1], range[0] + 1)]
}
