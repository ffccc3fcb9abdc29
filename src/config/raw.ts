/**
 * A configuration as written, once its form has been checked against config/biodm.schema.json: the types below say
 * the same as that schema. Interpolated, not yet resolved.
 */
import type { HookRef } from '../plugin.js'

export interface RawConfig {
  readonly name?: string
  readonly version?: string
  readonly description?: string
  readonly server?: RawServer
  readonly database?: {
    readonly url?: string
    readonly migrate?: 'auto' | 'check' | 'off'
    readonly pool?: { readonly max?: number }
  }
  readonly history?: { readonly reads?: boolean }
  readonly auth?: 'off' | 'on'
  readonly plugins?: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>
  readonly include?: string | readonly string[]
  readonly resources?: Readonly<Record<string, RawResource | null>>
}

export interface RawServer {
  readonly host?: string
  readonly port?: number
  readonly url?: string
  readonly base_path?: string
  readonly require_auth?: boolean
  readonly admin_group?: string
  readonly timeout?: string
  readonly body_limit?: string | number
  readonly page_size?: number
  readonly max_page_size?: number
  readonly trust_proxy?: boolean
  readonly cors?: { readonly origins: readonly string[] }
  readonly limits?: RawLimits
}

export interface RawLimits {
  readonly query?: string | number
  readonly terms?: number
  readonly values?: number
  readonly wildcards?: number
  readonly fields?: number
  readonly json_depth?: number
  readonly tree_depth?: number
  readonly rows?: number
}

export interface RawResource {
  readonly description?: string
  readonly table?: string
  readonly path?: string
  readonly versioned?: boolean | 'strict'
  readonly internal?: boolean
  readonly renamed_from?: string
  readonly columns?: Readonly<Record<string, RawColumn | string>>
  readonly relations?: Readonly<Record<string, RawRelation>>
  readonly unique?: readonly (readonly string[])[]
  readonly access?: Readonly<Record<string, RawAccess>>
  readonly permissions?: Readonly<Record<string, RawPermission>>
  readonly hooks?: RawHooks
  readonly traits?: RawTraits
}

export interface RawColumn {
  readonly type: string
  readonly primary?: boolean
  readonly generated?: boolean
  readonly required?: boolean
  readonly unique?: boolean
  readonly index?: boolean
  readonly default?: unknown
  readonly min?: number | string
  readonly max?: number | string
  readonly pattern?: string
  readonly values?: readonly string[]
  readonly readonly?: boolean
  readonly hidden?: boolean
  readonly virtual?: boolean
  readonly description?: string
  readonly renamed_from?: string
}

export interface RawRelation {
  readonly one?: string
  readonly many?: string
  readonly via?: string
  readonly through?: string
  readonly required?: boolean
  readonly unique?: boolean
  readonly column?: string
  readonly columns?: readonly string[]
  readonly on_delete?: 'restrict' | 'cascade' | 'set_null'
  readonly derived_from?: string
  readonly embed?: boolean
  readonly description?: string
}

export type RawAccess =
  | 'public'
  | 'authenticated'
  | 'admin'
  | readonly string[]
  | { readonly self: readonly string[] }

export interface RawPermission {
  readonly verbs: readonly string[]
  readonly propagate?: readonly string[]
}

export type RawHooks = Readonly<
  Record<string, { readonly prefix?: readonly HookRef[]; readonly postfix?: readonly HookRef[] }>
>

export type RawTraits = readonly string[] | Readonly<Record<string, Readonly<Record<string, unknown>> | null>>
