import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { loadGrammar } from '../../src/config/schema.js'
import { configReference } from '../helpers/config-reference.js'

const root = new URL('../../', import.meta.url).pathname
const schema = JSON.parse(readFileSync(`${root}config/biodm.schema.json`, 'utf8')) as Record<string, unknown>
const page = `${root}docs/reference/configuration.md`

t.test('the reference page of the configuration is current', (t) => {
  const text = configReference(schema)
  // `npm run docs` writes the page; everybody else compares.
  if (process.env['BIODM_WRITE_DOCS'] === '1') writeFileSync(page, text)
  t.equal(readFileSync(page, 'utf8'), text, 'run: npm run docs')
  t.end()
})

t.test('every key has a description', (t) => {
  const missing: string[] = []
  const visit = (part: unknown, at: string): void => {
    if (typeof part !== 'object' || part === null) return
    const { properties, description, $ref } = part as {
      properties?: object
      description?: unknown
      $ref?: unknown
    }
    for (const [name, value] of Object.entries(properties ?? {})) {
      const own = value as { description?: unknown; $ref?: unknown }
      if (own.description === undefined && own.$ref === undefined) missing.push(`${at}.${name}`)
    }
    if (/\.definitions\.\w+$/.test(at) && description === undefined && $ref === undefined) missing.push(at)
    for (const [key, value] of Object.entries(part)) visit(value, `${at}.${key}`)
  }
  visit(schema, '')
  t.same(missing, [])
  t.end()
})

t.test('the schema is a valid one, and strict', (t) => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true })
  ajv.addVocabulary(['patternErrorMessage'])
  t.ok(ajv.validateSchema(schema))
  t.doesNotThrow(() => ajv.compile(schema))
  t.end()
})

t.test('the built-in resources fit it', (t) => {
  const core: unknown = parse(readFileSync(`${root}config/core.yaml`, 'utf8'))
  const validate = loadGrammar().included()
  t.ok(validate(core), JSON.stringify(validate.errors))
  t.end()
})

t.test('an editor accepts variables where a number or a word is expected', (t) => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true })
  ajv.addVocabulary(['patternErrorMessage'])
  const validate = ajv.compile(schema)
  t.ok(
    validate({
      server: { port: '${PORT}', require_auth: '${AUTH:-true}' },
      database: { migrate: '${MIGRATE}' },
    }),
  )
  t.notOk(validate({ server: { port: 'PORT' } }))
  t.end()
})
