/** A proxy in front of the store that fails as a test wants it to. */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/**
 * pass    nothing happens
 * refuse  503 with S3's body
 * silent  the request is read, nothing is ever answered
 * reset   the connection breaks in the middle of the request
 * lost    the store does it, the connection breaks before the answer
 * error   200 with an error inside
 * html    200 of something else altogether
 * slow    the answer comes after a second
 */
export type Fault = 'pass' | 'refuse' | 'silent' | 'reset' | 'lost' | 'error' | 'html' | 'slow'

export interface FaultProxy {
  readonly url: string
  /** Decides for each request; all pass at first. */
  fail(decide: (request: IncomingMessage) => Fault): void
  /** Method and path with its query of all requests so far. */
  readonly seen: readonly string[]
}

export async function faultProxy(t: Test, target: string): Promise<FaultProxy> {
  let decide: (request: IncomingMessage) => Fault = () => 'pass'
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    FAULTS[decide(request)](request, response, target)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, fail: (next) => (decide = next), seen }
}

type Act = (request: IncomingMessage, response: ServerResponse, target: string) => void

const FAULTS: Readonly<Record<Fault, Act>> = {
  pass: (request, response, target) => forward(request, target, (answer) => relay(answer, response)),
  slow: (request, response, target) =>
    forward(request, target, (answer) => setTimeout(() => relay(answer, response), 1000)),
  lost: (request, response, target) =>
    forward(request, target, (answer) => {
      answer.resume().on('end', () => response.destroy())
    }),
  silent: (request) => {
    request.resume()
  },
  reset: (request) => {
    request.socket.destroy()
  },
  refuse: (request, response) => {
    request.resume()
    response.writeHead(503, { 'Content-Type': 'application/xml' }).end(xml('SlowDown'))
  },
  error: (request, response) => {
    request.resume()
    response.writeHead(200, { 'Content-Type': 'application/xml' }).end(xml('InternalError'))
  },
  html: (request, response) => {
    request.resume()
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><body>Welcome</body></html>')
  },
}

const xml = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as the test wants</Message></Error>`

function forward(
  request: IncomingMessage,
  target: string,
  answered: (answer: IncomingMessage) => void,
): void {
  const { method, headers } = request
  const onward = send(new URL(request.url ?? '/', target), { method: method ?? 'GET', headers }, answered)
  onward.on('error', () => request.socket.destroy())
  request.pipe(onward)
}

function relay(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  answer.pipe(response)
}
