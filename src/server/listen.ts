/** The HTTP server under the application: sockets, their limits, and the way it stops. */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../errors.js'
import type { Log } from '../log.js'
import type { App } from './polka.js'
import { respondRaw } from './respond.js'

const HEADERS_MS = 10_000
const KEEP_ALIVE_MS = 65_000
/** How often a stopping server looks for connections on which nothing is under way, ms. */
const IDLE_MS = 100
/** Room for headers beside the longest URL, bytes. */
const HEADER_ROOM = 16 * 1024

export interface Listener {
  readonly address: AddressInfo
  /** Accepts nothing more, lets what runs finish for `graceMs`, then cuts it. Resolves when all is over. */
  close(graceMs: number): Promise<void>
}

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Longest URL, bytes. */
  readonly urlLimit: number
  readonly log: Log
}

export async function listen(app: () => App, options: ListenOptions): Promise<Listener> {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      // Bodies have their own clock (body.ts), which raw routes are spared.
      requestTimeout: 0,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: options.urlLimit + HEADER_ROOM,
      requireHostHeader: false,
    },
    inTurn((request, response) => app().handle(request, response)),
  )
  // Asked while it is there: a connection that was reset cannot tell any more, and failed logins are counted by it.
  server.on('connection', ({ remoteAddress }) => remoteAddress)
  server.on('connect', (_request, socket) => {
    respondRaw(socket, 'method_not_allowed', 'CONNECT is not possible here')
  })
  // Other expectations than `100-continue` are ignored, as they may be.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(error, socket, options.log))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { address: server.address() as AddressInfo, close: (graceMs) => close(server, graceMs) }
}

/** Requests that may wait on one connection for the one before them. */
const MAX_PIPELINED = 100

/**
 * Requests that were sent without waiting for answers run one after another, as if each had waited: a read sees what the
 * write before it wrote.
 */
export function inTurn(handle: RequestListener): RequestListener {
  const waiting = new WeakMap<Duplex, Set<ServerResponse>>()
  return (request, response) => {
    // A response has its connection as soon as those before it are sent.
    if (response.socket !== null) return handle(request, response)
    const { socket } = request
    const queue = waiting.get(socket) ?? new Set()
    waiting.set(socket, queue.add(response))
    if (queue.size > MAX_PIPELINED) socket.destroy()
    response.once('socket', () => {
      queue.delete(response)
      handle(request, response)
    })
  }
}

/** What node's parser refuses, as answers of our table. */
const REFUSALS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are larger than this server takes'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'The chunk extensions of the body are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The headers did not arrive in time'],
}
const MALFORMED: readonly [ErrorCode, string] = ['bad_request', 'This is not a valid HTTP request']

function refuse(error: NodeJS.ErrnoException, socket: Duplex, log: Log): void {
  const { code = '' } = error
  log.debug({ code }, 'a connection was refused')
  const known = REFUSALS[code] ?? (code.startsWith('HPE_') ? MALFORMED : undefined)
  if (known === undefined) socket.destroy()
  else respondRaw(socket, ...known)
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs)
    // Answers say that they are the last; a client may keep the connection all the same.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_MS)
    server.close(() => {
      clearTimeout(timer)
      clearInterval(sweep)
      resolve()
    })
    server.closeIdleConnections()
  })
}
