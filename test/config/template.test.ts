import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadDefinition } from '../../src/config/load.js'
import { configTemplate } from '../../src/config/template.js'
import { loadPlugin } from '../../src/registry.js'

t.test('the file that init writes loads as it is', async (t) => {
  const dir = t.testdir({ 'biodm.yaml': configTemplate('omics') })
  const definition = await loadDefinition(`${dir}/biodm.yaml`, { loadPlugin, env: {} })
  t.equal(definition.name, 'omics')
  t.equal(definition.database.url, `sqlite:${dir}/data/biodm.db`)
  t.same(
    definition.resources.map(({ path }) => path),
    ['users', 'groups', 'projects', 'samples', 'tags'],
  )
})

t.test('its commented parts are valid too, once an authenticator can be loaded', async (t) => {
  const text = configTemplate()
    .replace('# plugins:', 'plugins:')
    .replace('#   accounts: {}', '  accounts: {}')
    .replace('# access:', 'access:')
  const dir = t.testdir({ 'biodm.yaml': text })
  const accounts = { name: 'accounts', authenticate: () => null }
  const definition = await loadDefinition(`${dir}/biodm.yaml`, { loadPlugin: async () => accounts, env: {} })
  t.ok(definition.enforce)
  t.match(readFileSync(`${dir}/biodm.yaml`, 'utf8'), /^ {4}access: /m)
})
