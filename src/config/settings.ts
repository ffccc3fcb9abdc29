/** `server`, `database` and `history` with every default filled in. */
import { DATABASE_FORMS, parseDatabaseUrl } from './database-url.js'
import type { DatabaseSettings, Limits, ServerSettings } from './definition.js'
import type { LoadedPlugin } from './draft.js'
import type { RawConfig, RawLimits, RawServer } from './raw.js'
import type { Report } from './report.js'
import { parseDuration, parseSize } from './units.js'

/** What the command line or an embedding program says instead of the file. */
export interface Overrides {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly migrate?: 'auto' | 'check' | 'off'
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  query: 8192,
  terms: 50,
  values: 100,
  wildcards: 5,
  fields: 100,
  jsonDepth: 32,
  treeDepth: 8,
  rows: 10_000,
})

export function serverSettings(
  raw: RawServer,
  overrides: Overrides,
  plugins: readonly LoadedPlugin[],
  report: Report,
): ServerSettings {
  return {
    host: overrides.host ?? raw.host ?? '127.0.0.1',
    port: overrides.port ?? raw.port ?? 8000,
    url: publicUrl(raw.url, report),
    basePath: basePath(raw.base_path ?? '/'),
    requireAuth: raw.require_auth ?? false,
    timeoutMs: unit(raw.timeout, 30_000, parseDuration, ['server', 'timeout'], report),
    bodyLimit: unit(raw.body_limit, 10 * 1024 ** 2, parseSize, ['server', 'body_limit'], report),
    ...pageSizes(raw, report),
    trustProxy: raw.trust_proxy ?? false,
    cors: corsSettings(raw.cors, report),
    adminGroup: adminGroup(raw, plugins),
    limits: limits(raw.limits ?? {}, report),
  }
}

const PAGE_SIZE = 50
const MAX_PAGE_SIZE = 1000

function pageSizes(raw: RawServer, report: Report): Pick<ServerSettings, 'pageSize' | 'maxPageSize'> {
  const pageSize = raw.page_size ?? Math.min(PAGE_SIZE, raw.max_page_size ?? PAGE_SIZE)
  const maxPageSize = raw.max_page_size ?? Math.max(MAX_PAGE_SIZE, pageSize)
  if (pageSize > maxPageSize)
    report.fault(['server', 'page_size'], '`page_size` is greater than `max_page_size`')
  return { pageSize, maxPageSize }
}

function corsSettings(raw: RawServer['cors'], report: Report): ServerSettings['cors'] {
  if (raw === undefined) return null
  for (const [index, origin] of raw.origins.entries()) {
    if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) continue
    const hint =
      URL.canParse(origin) && new URL(origin).origin !== 'null'
        ? `write \`${new URL(origin).origin}\``
        : 'write `https://portal.example.org`'
    report.fault(['server', 'cors', 'origins', String(index)], `\`${origin}\` is not an origin`, { hint })
  }
  return { origins: raw.origins }
}

/** An authenticator that has an option for it (keycloak's `admin_group`) is asked first. */
function adminGroup(raw: RawServer, plugins: readonly LoadedPlugin[]): string {
  const given = plugins.find(({ plugin }) => plugin.authenticate !== undefined)?.options['admin_group']
  return raw.admin_group ?? (typeof given === 'string' ? given : 'admin')
}

function unit(
  value: unknown,
  fallback: number,
  parse: (value: unknown) => number | undefined,
  path: string[],
  report: Report,
): number {
  if (value === undefined) return fallback
  const parsed = parse(value)
  if (parsed !== undefined && parsed > 0) return parsed
  const example = parse === parseDuration ? '`30s`, `5m` or `500ms`' : '`10mb` or a number of bytes'
  report.fault(path, parse === parseDuration ? 'this is not a duration' : 'this is not a size', {
    hint: `write ${example}`,
  })
  return fallback
}

function limits(raw: RawLimits, report: Report): Limits {
  return {
    query: unit(raw.query, DEFAULT_LIMITS.query, parseSize, ['server', 'limits', 'query'], report),
    terms: raw.terms ?? DEFAULT_LIMITS.terms,
    values: raw.values ?? DEFAULT_LIMITS.values,
    wildcards: raw.wildcards ?? DEFAULT_LIMITS.wildcards,
    fields: raw.fields ?? DEFAULT_LIMITS.fields,
    jsonDepth: raw.json_depth ?? DEFAULT_LIMITS.jsonDepth,
    treeDepth: raw.tree_depth ?? DEFAULT_LIMITS.treeDepth,
    rows: raw.rows ?? DEFAULT_LIMITS.rows,
  }
}

/** `/` or `/x/y`. */
function basePath(text: string): string {
  const trimmed = text.replace(/^\/+|\/+$/g, '')
  return `/${trimmed}`
}

function publicUrl(text: string | undefined, report: Report): string | null {
  if (text === undefined) return null
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '')
  report.fault(['server', 'url'], `\`${text}\` is not an http(s) address`, {
    hint: 'write it as browsers see it: https://data.example.org',
  })
  return null
}

const DEFAULT_DATABASE = 'sqlite:data/biodm.db'

export function databaseSettings(
  raw: NonNullable<RawConfig['database']>,
  dir: string,
  overrides: Overrides,
  report: Report,
): DatabaseSettings {
  const { database } = overrides
  const url = database ?? raw.url ?? DEFAULT_DATABASE
  const common = {
    migrate: overrides.migrate ?? raw.migrate ?? 'auto',
    pool: { max: raw.pool?.max ?? 10 },
  } as const
  // What the command line says is relative to where it was said.
  const parsed = parseDatabaseUrl(url, database === undefined ? dir : process.cwd())
  if (parsed !== null) return { ...parsed, ...common }
  const what = database === undefined ? 'this' : 'what is given instead of `database.url`'
  report.fault(['database', 'url'], `${what} is not the address of a database`, {
    hint: `write ${DATABASE_FORMS}`,
  })
  return { url, dialect: 'sqlite', ...common }
}
