/** Swagger UI in a real browser: it shows the document of the server and asks nobody else for anything. */
import { chromium } from 'playwright-core'
import t from 'tap'
import { startApi } from '../../helpers/api.js'

const CONFIG = {
  name: 'documented',
  resources: {
    Project: { columns: { name: 'string(50)!' }, relations: { files: { many: 'File' } } },
    File: { columns: { filename: 'string!' }, relations: { project: { one: 'Project' } } },
  },
}

for (const basePath of ['/', '/lab/data']) {
  t.test(`Swagger UI under ${basePath} shows every operation, from files of the server alone`, async (t) => {
    const api = await startApi(t, { ...CONFIG, server: { base_path: basePath } })
    const origin = new URL(api.url).origin
    const browser = await chromium.launch({
      executablePath: process.env['BIODM_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const asked: string[] = []
    const faults: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`)
    })
    await page.goto(`${origin}${basePath === '/' ? '' : basePath}/swagger`)
    await page.waitForSelector('.opblock-summary-path', { timeout: 30_000 })
    const paths = await page.locator('.opblock-summary-path').allTextContents()
    t.ok(
      paths.some((path) => path.replaceAll('\u200b', '').trim().endsWith('/projects/{id}/files')),
      'the collection route is shown',
    )
    await page.locator('.opblock-get .opblock-summary-control').first().click()
    t.same(faults, [])
    const elsewhere = asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:'))
    t.same(elsewhere, [], 'no request leaves the server')
    t.ok(asked.some((url) => url.endsWith('/schema')))
  })
}
