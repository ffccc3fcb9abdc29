/** Serves an embedded store's routes on a socket of its own, for tests that need no runtime. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BiodmError, type RouteContext } from 'biodm'
import type { Test } from 'tap'
import { type EmbeddedStore, openEmbedded } from '../../../plugins/s3/store/embedded/index.js'
import { giveObject, takeForm, takePart } from '../../../plugins/s3/store/embedded/routes.js'

const ROUTES = {
  'POST /_objects': takeForm,
  'PUT /_objects/part': takePart,
  'GET /_objects/object': giveObject,
} as const

export async function hostEmbedded(t: Test, dir: string, pendingPrefix: string): Promise<EmbeddedStore> {
  let address = ''
  const secret = Buffer.from('a secret of this test')
  const store = openEmbedded({ dir, pendingPrefix, url: () => address, secret: async () => secret })
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    const run = ROUTES[`${request.method} ${url.pathname}` as keyof typeof ROUTES]
    try {
      const ctx = { request, headers: request.headers, query: url.searchParams } as unknown as RouteContext
      const { status, headers, body } = await run(store, ctx)
      response.writeHead(status, headers as Record<string, string>)
      if (body === undefined) response.end()
      else await pipeline(body as Readable, response)
    } catch (error) {
      if (!(error instanceof BiodmError)) t.comment(error)
      if (response.headersSent) {
        response.destroy()
        return
      }
      const { status, headers, message } =
        error instanceof BiodmError ? error : { status: 500, headers: {}, message: String(error) }
      response.writeHead(status, headers).end(message)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return store
}
