/** The server over handmade routes, for tests of what HTTP does before an operation begins. */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { ServerSettings } from '../../src/config/definition.js'
import type { Route, RouteRequest } from '../../src/controllers/route.js'
import type { Log } from '../../src/log.js'
import { silentLog } from '../../src/log.js'
import type { ServerContext } from '../../src/server/context.js'
import { listen } from '../../src/server/listen.js'
import { createMetrics } from '../../src/server/metrics.js'
import { createApp } from '../../src/server/polka.js'
import type { Answer } from '../../src/services/core.js'

export const SETTINGS: ServerSettings = {
  host: '127.0.0.1',
  port: 0,
  url: null,
  basePath: '/',
  requireAuth: false,
  timeoutMs: 2_000,
  bodyLimit: 1024 * 1024,
  pageSize: 50,
  maxPageSize: 1_000,
  trustProxy: false,
  cors: null,
  adminGroup: 'admin',
  limits: {
    query: 8192,
    terms: 50,
    values: 100,
    wildcards: 5,
    fields: 100,
    jsonDepth: 32,
    treeDepth: 8,
    rows: 10_000,
  },
}

export function route(
  method: Route['method'],
  template: string,
  run: (request: RouteRequest) => Promise<Answer> | Answer,
  more: Partial<Route> = {},
): Route {
  return {
    method,
    template,
    policy: { public: false, ignoreToken: false, guard: { kind: 'open' } },
    action: { kind: 'root', name: template },
    body: method === 'GET' || method === 'DELETE' ? 'none' : 'json',
    json: true,
    hidden: false,
    run,
    ...more,
  }
}

interface Teardown {
  teardown(done: () => unknown): unknown
}

export async function serve(
  t: Teardown,
  routes: readonly Route[],
  options: {
    readonly settings?: Partial<ServerSettings>
    readonly authenticator?: ServerContext['authenticator']
    readonly demand?: ServerContext['demand']
    readonly log?: Log
    readonly bodyMs?: number
  } = {},
) {
  const server = { ...SETTINGS, ...options.settings }
  const log = options.log ?? silentLog()
  const metrics = createMetrics()
  const app = createApp({
    definition: { server } as never,
    routes,
    log,
    metrics,
    authenticator: options.authenticator ?? null,
    demand: options.demand ?? (() => undefined),
    ...(options.bodyMs === undefined ? {} : { bodyMs: options.bodyMs }),
  })
  const listener = await listen(() => app, { host: server.host, port: 0, urlLimit: server.limits.query, log })
  t.teardown(async () => {
    await listener.close(200)
    app.close()
  })
  const { port } = listener.address
  return { app, metrics, listener, port, send: (options: SendOptions) => send(port, options) }
}

export interface SendOptions {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface Sent {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is for the test to know
  readonly json: any
}

/** node:http, which changes nothing about paths and headers as `fetch` would. */
export function send(port: number, { method = 'GET', path, headers = {}, body }: SendOptions): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const json =
            /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Bytes over a bare socket; resolves with everything that comes back until the server closes or `ms` pass. */
export function raw(port: number, bytes: string | Buffer, ms = 15_000): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const timer = setTimeout(() => socket.destroy(), ms)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
}
