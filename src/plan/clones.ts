/**
 * What a release copies beside the released row: the children below it, resource by resource. Made from the model alone, so
 * that a test can print it; which rows there are is the database's to say.
 */
import type { ToOneDefinition } from '../config/definition.js'
import type { Model, Resource } from '../model/model.js'

export interface ClonePlan {
  readonly root: string
  /** Relations of the released row whose children are copied: one-to-many and inverse one-to-one ones. */
  readonly first: readonly CloneEdge[]
  /** Copied resources, each after those that its rows must refer to. */
  readonly resources: readonly CloneResource[]
}

/** `child.via` points at `parent`. */
export interface CloneEdge {
  readonly parent: string
  readonly child: string
  /** The parent's relation, and the child's to-one relation behind it. */
  readonly relation: string
  readonly via: string
}

export interface CloneResource {
  readonly name: string
  /** How its rows are reached from other copied rows; those from the released row are in `first`. */
  readonly edges: readonly CloneEdge[]
  /**
   * Nothing refers to its copies and nobody asks for them: they are made inside the database by one statement, without
   * their keys being known here.
   */
  readonly leaf: boolean
  /** To-one relations that may point at a copied row or at the released one, which then follow to the copy. */
  readonly followed: readonly string[]
  /** Those of `followed` whose target is copied later: set once everything is there. */
  readonly deferred: readonly string[]
}

/** `given`: relations that the body of the release supplies itself. */
export function planClones(model: Model, resource: Resource, given: ReadonlySet<string>): ClonePlan {
  const first = edgesOf(model, resource).filter((edge) => !given.has(edge.relation))
  const edges: CloneEdge[] = []
  const names = new Set<string>()
  const queue = first.map((edge) => edge.child)
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (names.has(name)) continue
    names.add(name)
    const below = edgesOf(model, model.resource(name))
    edges.push(...below)
    queue.push(...below.map((edge) => edge.child))
  }
  const copied = new Set([...names, resource.name])
  const ordered = insertionOrder(model, [...names])
  return Object.freeze({
    root: resource.name,
    first: Object.freeze(first),
    resources: Object.freeze(
      ordered.map((name, position) => {
        const child = model.resource(name)
        const into = edges.filter((edge) => edge.child === name)
        const followed = toOne(child).filter((relation) => copied.has(relation.target))
        const later = ordered.slice(position + 1)
        return Object.freeze({
          name,
          edges: Object.freeze(into),
          leaf: isLeaf(model, child, [...first, ...edges], copied),
          followed: Object.freeze(followed.map((relation) => relation.name)),
          deferred: Object.freeze(
            followed.filter((relation) => later.includes(relation.target)).map((relation) => relation.name),
          ),
        })
      }),
    ),
  })
}

const toOne = (resource: Resource): readonly ToOneDefinition[] =>
  [...resource.relations.values()].filter(
    (relation) => relation.kind === 'one' && relation.constraint,
  ) as readonly ToOneDefinition[]

function edgesOf(model: Model, parent: Resource): readonly CloneEdge[] {
  return [...parent.relations.values()].flatMap((relation): CloneEdge[] => {
    if (relation.kind !== 'many' && relation.kind !== 'inverse_one') return []
    const via = model.resource(relation.target).relations.get(relation.via)
    if (via?.kind !== 'one' || !via.constraint) return []
    return [{ parent: parent.name, child: relation.target, relation: relation.name, via: relation.via }]
  })
}

/** Targets of required relations come first; of a circle, which optional relations close, any order will do. */
function insertionOrder(model: Model, names: readonly string[]): readonly string[] {
  const done: string[] = []
  const visit = (name: string, open: ReadonlySet<string>, requiredOnly: boolean): void => {
    if (done.includes(name) || open.has(name)) return
    const inside = new Set([...open, name])
    for (const relation of toOne(model.resource(name))) {
      const needed = relation.required || !requiredOnly
      if (needed && names.includes(relation.target)) visit(relation.target, inside, requiredOnly)
    }
    if (!done.includes(name)) done.push(name)
  }
  const preferred: string[] = []
  for (const name of names) visit(name, new Set(), false)
  preferred.push(...done.splice(0))
  for (const name of preferred) visit(name, new Set(), true)
  return done
}

const HOOKED = ['prefix', 'postfix'] as const

function isLeaf(
  model: Model,
  resource: Resource,
  edges: readonly CloneEdge[],
  copied: ReadonlySet<string>,
): boolean {
  const into = edges.filter((edge) => edge.child === resource.name)
  const [edge] = into
  if (into.length !== 1 || edge === undefined || edge.parent === resource.name) return false
  if (edges.some((other) => other.parent === resource.name)) return false
  const hooks = resource.hooks.get('clone')
  if (HOOKED.some((stage) => (hooks?.[stage].length ?? 0) > 0)) return false
  if (resource.versioned !== false || resource.permissions.length > 0 || !drawsKey(resource)) return false
  if (toOne(resource).some((relation) => relation.name !== edge.via && copied.has(relation.target)))
    return false
  return !isReferred(model, resource, copied) && !isLinked(model, resource)
}

/** Its key is one generated number, which the database draws by itself. */
const drawsKey = (resource: Resource): boolean =>
  resource.primaryKey.length === 1 && resource.generatedKey !== null

const isReferred = (model: Model, resource: Resource, copied: ReadonlySet<string>): boolean =>
  [...copied].some((name) =>
    toOne(model.resource(name)).some((relation) => relation.target === resource.name),
  )

const isLinked = (model: Model, resource: Resource): boolean =>
  [...model.resources.values()].some((source) =>
    [...source.relations.values()].some(
      (relation) => relation.kind === 'through' && (source === resource || relation.target === resource.name),
    ),
  )
