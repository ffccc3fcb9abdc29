import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cliHere } from '../../helpers/cli.js'
import { CLIENT, startFake } from './world.js'

function configOf(t: Test, host: string, realm: string): string {
  const dir = t.testdir()
  const file = join(dir, 'biodm.yaml')
  writeFileSync(
    file,
    `name: omics
version: 1.0.0
database: { url: "sqlite:${join(dir, 'omics.db')}" }
plugins:
  keycloak: { host: "${host}", realm: ${realm}, client_id: ${CLIENT.clientId}, client_secret: ${CLIENT.clientSecret} }
`,
  )
  return file
}

t.test('biodm kc-sync shows the difference, imports, and tells counts', async (t) => {
  const world = await startFake(t)
  const config = configOf(t, world.url, world.realm)
  const preview = await cliHere(['kc-sync', config, '--dry-run'])
  t.equal(preview.code, 0, preview.stderr)
  t.match(preview.stdout, /\+ group lab__rna__deep\n/)
  t.match(preview.stdout, /\+ member bob of lab__rna__deep\n/)
  t.match(preview.stdout, /dry run: nothing was changed/)

  const first = await cliHere(['kc-sync', config])
  t.match(first, { code: 0, stdout: /groups: 5 created, 0 updated, 0 unchanged\nusers: 2 created/ })
  const second = await cliHere(['kc-sync', config, '--json'])
  t.match(JSON.parse(second.stdout), {
    dry_run: false,
    groups: { created: 0, unchanged: 5 },
    users: { unchanged: 2 },
  })

  world.fake.fault({ kind: 'down' })
  const down = await cliHere(['kc-sync', config])
  t.match(down, { code: 1, stderr: /Keycloak does not answer properly/ })
})
