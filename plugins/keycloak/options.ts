import type { JsonSchema } from 'biodm'

/** The plugin's options after its schema has filled the defaults. */
export interface KeycloakOptions {
  readonly host: string
  readonly internal_host?: string
  readonly realm: string
  readonly client_id: string
  readonly client_secret: string
  readonly admin_group?: string
  readonly groups_claim: string
  readonly username_claim: string
  readonly audience?: string
  readonly redirect_uris: readonly string[]
  readonly act_as: 'service' | 'caller'
}

const ADDRESS = '^https?://[^/?#\\s]+(/[^?#\\s]*[^/?#\\s])?/?$'

export const optionsSchema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'realm', 'client_id', 'client_secret'],
  properties: {
    host: {
      type: 'string',
      pattern: ADDRESS,
      description:
        'Address of Keycloak exactly as browsers see it: tokens must be issued by host/realms/realm.',
    },
    internal_host: {
      type: 'string',
      pattern: ADDRESS,
      description: 'Another address of the same Keycloak, for calls from server to server.',
    },
    realm: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[^/?#]+$', description: 'The realm.' },
    client_id: {
      type: 'string',
      minLength: 1,
      description: 'A confidential client whose service account has `manage-users` of `realm-management`.',
    },
    client_secret: { type: 'string', minLength: 1, description: "The client's secret." },
    admin_group: {
      type: 'string',
      minLength: 1,
      description: 'Group path whose own members pass every check. Default: `server.admin_group`.',
    },
    groups_claim: {
      type: 'string',
      minLength: 1,
      default: 'groups',
      description: 'Claim of the access token with the full group paths ("/lab/rna").',
    },
    username_claim: {
      type: 'string',
      minLength: 1,
      default: 'preferred_username',
      description: 'Claim of the access token with the user name.',
    },
    audience: {
      type: 'string',
      minLength: 1,
      description: 'Must be in the `aud` of an access token. Default: `client_id`.',
    },
    redirect_uris: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: "Further exact redirect URIs of `/login`; the server's own `/syn_ack` is always allowed.",
    },
    act_as: {
      type: 'string',
      enum: ['service', 'caller'],
      default: 'service',
      description:
        "Whose token is used for what an admin's request creates, updates or links: the service account's or the admin's own.",
    },
  },
}

/** Addresses derived from the options; none ends with a slash. */
export interface Endpoints {
  /** `iss` of every token. */
  readonly issuer: string
  /** Where browsers log in. */
  readonly authorize: string
  readonly token: string
  readonly logout: string
  readonly certs: string
  /** Base address of the admin interface. */
  readonly admin: string
}

export function endpoints(options: KeycloakOptions): Endpoints {
  const outside = withoutSlash(options.host)
  const inside = withoutSlash(options.internal_host ?? options.host)
  const realm = `/realms/${encodeURIComponent(options.realm)}`
  const protocol = `${realm}/protocol/openid-connect`
  return Object.freeze({
    issuer: `${outside}/realms/${options.realm}`,
    authorize: `${outside}${protocol}/auth`,
    token: `${inside}${protocol}/token`,
    logout: `${inside}${protocol}/logout`,
    certs: `${inside}${protocol}/certs`,
    admin: inside,
  })
}

const withoutSlash = (address: string): string => address.replace(/\/+$/, '')
