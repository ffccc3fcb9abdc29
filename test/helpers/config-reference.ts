/** The reference page of the configuration, generated from config/biodm.schema.json: docs/reference/configuration.md. */
import type { JsonSchema } from '../../src/plugin.js'

interface Key {
  /** `server.limits.terms`. */
  readonly name: string
  readonly type: string
  readonly description: string
  readonly required: boolean
}

interface Section {
  readonly title: string
  readonly description: string
  readonly keys: readonly Key[]
}

/** Where a key's own keys are described in a section of their own. */
const SECTIONS = ['resource', 'column', 'relation', 'permission', 'access', 'hooks', 'hook', 'traits']

const TITLES: Readonly<Record<string, string>> = {
  resource: 'Resources',
  column: 'Columns',
  relation: 'Relations',
  permission: 'Permissions',
  access: 'Access',
  hooks: 'Hooks',
  hook: 'One hook',
  traits: 'Traits',
}

export function configReference(schema: JsonSchema): string {
  const definitions = schema['definitions'] as Readonly<Record<string, JsonSchema>>
  const sections: Section[] = [
    { title: 'The file', description: text(schema), keys: keysOf(schema, '', definitions) },
    ...SECTIONS.map((name) => ({
      title: TITLES[name] ?? name,
      description: text(definitions[name]),
      keys: keysOf(definitions[name] ?? {}, '', definitions),
    })),
  ]
  return `${[HEAD, ...sections.map(page)].join('\n\n')}\n`
}

const HEAD = `# Configuration

Every key of a configuration. This page is generated from \`config/biodm.schema.json\`, which editors use for completion
and the server for its checks; \`npm run docs\` writes it anew. Any text may hold \`\${NAME}\`, \`\${NAME:-default}\` and
\`\${file:path}\`; a value that is one \`\${…}\` alone takes the type that its key expects, and \`$\${\` stands for \`\${\`.`

function page({ title, description, keys }: Section): string {
  const rows = keys.map(
    (key) => `| \`${key.name}\`${key.required ? ' (required)' : ''} | ${key.type} | ${key.description} |`,
  )
  const table = rows.length === 0 ? [] : ['', '| key | value | meaning |', '|---|---|---|', ...rows]
  return [`## ${title}`, '', description, ...table].join('\n')
}

const text = (schema: JsonSchema | undefined): string =>
  String(schema?.['description'] ?? '')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')

/** Keys of an object schema and of those nested in it; unions contribute the keys of all their alternatives. */
function keysOf(
  schema: JsonSchema,
  prefix: string,
  definitions: Readonly<Record<string, JsonSchema>>,
): Key[] {
  const required = (schema['required'] ?? []) as readonly string[]
  const own = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).flatMap(
    ([name, part]) => {
      const key = {
        name: prefix + name,
        type: typeOf(part, definitions),
        description: text(resolved(part, definitions)),
        required: required.includes(name),
      }
      return [key, ...('$ref' in part ? [] : keysOf(part, `${prefix}${name}.`, definitions))]
    },
  )
  const alternatives = ((schema['anyOf'] ?? []) as readonly JsonSchema[]).filter((part) => !('$ref' in part))
  return [
    ...own,
    ...alternatives.flatMap((part) => keysOf(part, prefix, definitions)),
    ...valuesOf(schema, prefix, definitions),
  ]
}

/** `hooks.<operation>.prefix`: an object whose keys are names of the user's. */
function valuesOf(
  schema: JsonSchema,
  prefix: string,
  definitions: Readonly<Record<string, JsonSchema>>,
): Key[] {
  const values = schema['additionalProperties']
  if (typeof values !== 'object' || values === null || '$ref' in values) return []
  return keysOf(values as JsonSchema, `${prefix}<name>.`, definitions)
}

function resolved(part: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const reference = part['$ref']
  if (typeof reference !== 'string') return part
  return definitions[reference.replace('#/definitions/', '')] ?? {}
}

function typeOf(part: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): string {
  const reference = part['$ref']
  if (typeof reference === 'string') {
    const name = reference.replace('#/definitions/', '')
    if (name === 'variable') return ''
    return TITLES[name] === undefined
      ? typeOf(resolved(part, definitions), definitions)
      : `see ${TITLES[name]}`
  }
  if (Array.isArray(part['anyOf'])) {
    return [...new Set(part['anyOf'].map((each: JsonSchema) => typeOf(each, definitions)))]
      .filter((each) => each !== '')
      .join(' or ')
  }
  if (Array.isArray(part['enum'])) return part['enum'].map((word) => `\`${String(word)}\``).join(', ')
  const types = [part['type'] ?? 'any'].flat().filter((type) => type !== 'null')
  return types.map((type) => listType(String(type), part, definitions)).join(' or ')
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'mapping',
  any: 'anything',
}

function listType(type: string, part: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): string {
  if (type !== 'array') return WORDS[type] ?? type
  const items = part['items']
  return typeof items === 'object' && items !== null
    ? `list of ${typeOf(items as JsonSchema, definitions)}`
    : 'list'
}
