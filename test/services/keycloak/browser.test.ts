import { chromium } from 'playwright-core'
import t from 'tap'
import { startApp } from '../../plugins/keycloak/app.js'
import { freePort } from '../../plugins/keycloak/ports.js'
import { fillForm } from '../../plugins/keycloak/suites/auth.js'
import { startReal } from './world.js'

t.test('a person logs in with a browser', async (t) => {
  const port = await freePort()
  const world = await startReal(t, { redirectUris: [`http://127.0.0.1:${port}/syn_ack`] })
  const app = await startApp(t, 'sqlite', world, { port })
  const url = await app.listen(port)
  const browser = await chromium.launch({
    executablePath: process.env['BIODM_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  t.teardown(() => browser.close())

  const logIn = async (password: string) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${url}/login?redirect=true`)
    await page.fill('#username', 'bob')
    await page.fill('#password', password)
    await page.click('#kc-login')
    return page
  }

  const page = await logIn('bob-pw')
  await page.waitForURL(/\/syn_ack\?/)
  const tokens = JSON.parse((await page.textContent('body')) ?? '')
  t.match(tokens, { access_token: String, refresh_token: String, expires_in: 300 })
  const answer = await fetch(`${url}/authenticated`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  t.same(await answer.json(), { username: 'bob', groups: ['lab__rna__deep'], admin: false })

  await page.reload()
  t.match(await page.textContent('body'), /unknown, used or older/, 'the answer of a login is given once')

  const refused = await logIn('wrong')
  t.match(await refused.textContent('body'), /Invalid username or password/)
  t.equal(new URL(refused.url()).origin, world.url, 'a wrong password stays at Keycloak')

  const started = await fetch(`${url}/login?redirect=true`, { redirect: 'manual' })
  const stolen = await fillForm(started.headers.get('location') ?? '', 'alice')
  const stranger = await browser.newContext()
  const second = await stranger.newPage()
  await second.goto(stolen.href)
  t.match(await second.textContent('body'), /begun in another browser/, 'a login handed to somebody else')
})
