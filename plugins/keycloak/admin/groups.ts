import { BiodmError } from 'biodm'
import { parsePath } from '../paths.js'
import { type AdminCall, isUncertain, Refused } from './call.js'
import { countOf, createdId, groupOf, isUuid, listOf, nothing, type RemoteGroup } from './shapes.js'

/** Rows a page; always sent, since Keycloak's own defaults differ from list to list (10, 100, all). */
export const PAGE = 100

/** Reads and writes of groups. Paths are ours (`lab__rna`); ids are checked to be UUIDs before they reach a URL. */
export interface GroupAdmin {
  /** The group at exactly that path; null when there is none. */
  find(path: string): Promise<RemoteGroup | null>
  /** `parent: null` for the top level. A group made by somebody else in between is returned with `created: false`. */
  create(
    path: string,
    parent: RemoteGroup | null,
  ): Promise<{ readonly group: RemoteGroup; readonly created: boolean }>
  /** A page of the children of `parent`, or of the top level. */
  children(parent: string | null, first: number, max?: number): Promise<readonly RemoteGroup[]>
  /** All groups, at every level. */
  count(): Promise<number>
  hasChildren(id: string): Promise<boolean>
  /** True: deleted or not there. False: it has children, which Keycloak would delete with it, so it stays. */
  remove(id: string): Promise<boolean>
}

export function groupAdmin(call: AdminCall): GroupAdmin {
  const { realm } = call

  const find: GroupAdmin['find'] = async (path) => {
    const segments = segmentsOf(path)
    const found = await absent(
      call(
        'find group',
        (client) => client.realms.getGroupByPath({ realm, path: segments.join('/') }),
        groupOf,
      ),
    )
    // Without escaped slashes a group *named* `lab/rna` answers to the path of `lab` > `rna`; an orphan to a short one.
    if (found === null || found.name !== segments.at(-1)) return null
    return (found.parentId !== null) === segments.length > 1 ? found : null
  }

  const make = async (name: string, parent: RemoteGroup | null): Promise<string> => {
    if (parent === null)
      return call('create group', (client) => client.groups.create({ realm, name }), createdId)
    const id = checked(parent.id)
    return call(
      'create group',
      (client) => client.groups.createChildGroup({ realm, id }, { name }),
      createdId,
    )
  }

  /** The group that is there all the same: made by somebody else, or by us although the answer was lost. */
  const afterFailure = async (
    path: string,
    parent: RemoteGroup | null,
    error: unknown,
  ): Promise<RemoteGroup> => {
    const status = error instanceof Refused ? error.status : 0
    if (status === 404 && parent !== null) throw new NoParent()
    const group = status === 409 || isUncertain(error) ? await find(path) : null
    if (group !== null) return group
    throw status === 409
      ? new BiodmError('conflict', `Keycloak has another group in the place of "${path}".`)
      : error
  }

  const hasChildren: GroupAdmin['hasChildren'] = async (id) => {
    const page = await absent(
      call(
        'list child groups',
        (client) => client.groups.listSubGroups({ realm, parentId: checked(id), first: 0, max: 1 }),
        listOf(groupOf),
      ),
    )
    return page !== null && page.length > 0
  }

  return {
    find,
    async create(path, parent) {
      const name = segmentsOf(path).at(-1) ?? ''
      try {
        const id = await make(name, parent)
        const group = { id, name, path: '', parentId: parent?.id ?? null, subGroupCount: 0 }
        return { group, created: true }
      } catch (error) {
        return { group: await afterFailure(path, parent, error), created: false }
      }
    },
    children(parent, first, max = PAGE) {
      if (parent === null) {
        return call(
          'list groups',
          (client) => client.groups.find({ realm, first, max, briefRepresentation: true }),
          listOf(groupOf),
        )
      }
      const parentId = checked(parent)
      return call(
        'list child groups',
        (client) => client.groups.listSubGroups({ realm, parentId, first, max, briefRepresentation: true }),
        listOf(groupOf),
      )
    },
    count: () => call('count groups', (client) => client.groups.count({ realm }), countOf),
    hasChildren,
    async remove(id) {
      if (await hasChildren(id)) return false
      await absent(call('delete group', (client) => client.groups.del({ realm, id: checked(id) }), nothing))
      return true
    },
  }
}

/** The parent of a group to be made is not in Keycloak (any more). */
export class NoParent extends BiodmError {
  constructor() {
    super('invalid_body', 'Input path does not match any parent group.')
  }
}

/** Null for a 404. */
export async function absent<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null
    throw error
  }
}

/** An id for a URL. One that is no UUID never came from Keycloak. */
export function checked(id: string): string {
  if (!isUuid(id)) throw new BiodmError('conflict', `"${id}" is no id of Keycloak.`)
  return id
}

function segmentsOf(path: string): readonly string[] {
  const parsed = parsePath(path)
  if ('problem' in parsed) throw new BiodmError('invalid_body', `Not a group path: ${parsed.problem}.`)
  return parsed.segments
}
