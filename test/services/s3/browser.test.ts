/** The example's page in a real browser: a form that goes to the store and comes back to the server. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import t, { type Test } from 'tap'
import { embeddedStore, RESOURCES, type StoreOptions, startFiles } from '../../plugins/s3/world.js'
import { bucketStore } from './bucket.js'

const PAGE = fileURLToPath(new URL('../../../examples/upload/page.html', import.meta.url))

/** The page's own server: another origin than the API and the store. */
async function pageServer(t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(readFileSync(PAGE))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const stores: [title: string, store: StoreOptions][] = [
  ['the embedded store', embeddedStore],
  ['a bucket', bucketStore()],
]
for (const [title, store] of stores) {
  t.test(`a browser uploads a small file to ${title}`, async (t) => {
    const origin = await pageServer(t)
    const api = await startFiles(
      t,
      { dialect: 'sqlite', store },
      { server: { cors: { origins: [origin] } }, resources: { File: RESOURCES.File } },
    )
    const browser = await chromium.launch({
      executablePath: process.env['BIODM_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    await page.goto(`${origin}/?files=${encodeURIComponent(`${api.url}/files`)}`)
    await page.setInputFiles('#file', {
      name: 'né.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('hello'),
    })
    await page.click('button')
    await page.waitForSelector('#status a', { timeout: 30_000 })
    t.same(faults, [])
    t.match((await api.get('/files/1')).body, {
      filename: 'né',
      extension: 'txt',
      ready: true,
      content_type: 'text/plain',
    })
    const frame = page.frames().find((each) => each.name() === 'answer')
    t.equal(await frame?.textContent('body'), 'Uploaded.')
    const { url } = (await api.get('/files/1/download?redirect=false')).body
    t.equal(await (await fetch(url)).text(), 'hello')
  })
}
