/**
 * Finds the route of a path, exactly: case-sensitive, no trailing slash, no empty segment. Segments are split as sent
 * and percent-decoded strictly one by one, so an encoded slash stays inside its segment. Fixed segments win over
 * `{names}`.
 */

export interface Target {
  readonly method: string
  /** `/datasets/{id}`; a last `*` takes the rest. */
  readonly template: string
}

export type Match<T> =
  | { readonly kind: 'route'; readonly route: T; readonly params: readonly string[] }
  /** The path is known, the method is not; `methods` are those it has. */
  | { readonly kind: 'method'; readonly methods: readonly string[] }
  | { readonly kind: 'none' }
  /** A segment is not valid percent-encoded UTF-8. */
  | { readonly kind: 'malformed' }

interface Node<T> {
  readonly fixed: Map<string, Node<T>>
  any: Node<T> | null
  /** Routes of `…/*`. */
  rest: Map<string, T> | null
  readonly methods: Map<string, T>
}

export interface Router<T> {
  find(method: string, path: string): Match<T>
}

const NONE: Match<never> = Object.freeze({ kind: 'none' })
const MALFORMED: Match<never> = Object.freeze({ kind: 'malformed' })

/** `basePath`: `/` or `/x/y`. Throws when two routes share method and template. */
export function createRouter<T extends Target>(routes: readonly T[], basePath: string): Router<T> {
  const root = newNode<T>()
  for (const route of routes) insert(root, route)
  const prefix = basePath === '/' ? '' : basePath
  return {
    find(method, path) {
      if (!path.startsWith(prefix) || path.charCodeAt(prefix.length) !== SLASH) return NONE
      const raw = split(path, prefix.length + 1)
      const segments = path.includes('%') ? decodeAll(raw) : raw
      if (segments === null) return MALFORMED
      if (segments.includes('')) return NONE
      return lookUp(root, method, segments, raw)
    },
  }
}

const SLASH = 47

/** What lies between the slashes from `start` on. */
function split(path: string, start: number): string[] {
  const segments: string[] = []
  let from = start
  for (let slash = path.indexOf('/', from); slash >= 0; slash = path.indexOf('/', from)) {
    segments.push(path.slice(from, slash))
    from = slash + 1
  }
  segments.push(path.slice(from))
  return segments
}

function lookUp<T>(
  root: Node<T>,
  method: string,
  segments: readonly string[],
  raw: readonly string[],
): Match<T> {
  const params: string[] = []
  const methods = descend(root, segments, raw, 0, params)
  if (methods === null) return NONE
  const route = methods.get(method)
  if (route === undefined) return { kind: 'method', methods: [...methods.keys()] }
  return { kind: 'route', route, params }
}

/** The methods of the first node that fits; `params` holds the values on the way to it. */
function descend<T>(
  node: Node<T>,
  segments: readonly string[],
  raw: readonly string[],
  index: number,
  params: string[],
): ReadonlyMap<string, T> | null {
  const segment = segments[index]
  if (segment === undefined) return node.methods.size > 0 ? node.methods : null
  const fixed = node.fixed.get(segment)
  if (fixed !== undefined) {
    const found = descend(fixed, segments, raw, index + 1, params)
    if (found !== null) return found
  }
  if (node.any !== null) {
    params.push(segment)
    const found = descend(node.any, segments, raw, index + 1, params)
    if (found !== null) return found
    params.pop()
  }
  if (node.rest === null) return null
  params.push(raw.slice(index).join('/'))
  return node.rest
}

function insert<T extends Target>(root: Node<T>, route: T): void {
  let node = root
  let methods: Map<string, T> | null = null
  for (const segment of route.template.split('/').slice(1)) {
    if (segment === '*') {
      node.rest ??= new Map()
      methods = node.rest
      break
    }
    node = child(node, segment)
  }
  methods ??= node.methods
  if (methods.has(route.method)) throw new Error(`two routes for ${route.method} ${route.template}`)
  methods.set(route.method, route)
}

function child<T>(node: Node<T>, segment: string): Node<T> {
  if (segment.startsWith('{')) {
    node.any ??= newNode()
    return node.any
  }
  const known = node.fixed.get(segment)
  if (known !== undefined) return known
  const made = newNode<T>()
  node.fixed.set(segment, made)
  return made
}

function newNode<T>(): Node<T> {
  return { fixed: new Map(), any: null, rest: null, methods: new Map() }
}

function decodeAll(raw: readonly string[]): readonly string[] | null {
  try {
    return raw.map((segment) => decodeURIComponent(segment))
  } catch {
    return null
  }
}
