/** A load generator that costs little: keep-alive sockets, one request at a time on each, answers counted by length. */
import { connect } from 'node:net'

/** Sends requests for a while over `connections` sockets; returns how many were answered and in how many milliseconds. */
export async function load(url, { connections, milliseconds, request }) {
  const { hostname, port } = new URL(url)
  const until = performance.now() + milliseconds
  const started = performance.now()
  let sent = 0
  const counts = await Promise.all(
    Array.from({ length: connections }, () => one(hostname, Number(port), until, () => request(sent++))),
  )
  return {
    requests: counts.reduce((sum, count) => sum + count, 0),
    milliseconds: performance.now() - started,
  }
}

const HEAD_END = Buffer.from('\r\n\r\n')

function one(host, port, until, next) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    let answered = 0
    let pending = Buffer.alloc(0)
    let missing = -1
    const send = () => {
      if (performance.now() >= until) {
        socket.destroy()
        resolve(answered)
        return
      }
      socket.write(wire(next()))
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      if (missing < 0) {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
        const end = pending.indexOf(HEAD_END)
        if (end < 0) return
        const head = pending.latin1Slice(0, end)
        if (!/^HTTP\/1\.1 20[01]/.test(head)) {
          socket.destroy()
          reject(new Error(`unexpected answer: ${pending.toString().slice(0, 500)}`))
          return
        }
        const length = /content-length: (\d+)/i.exec(head)
        if (length === null) {
          reject(new Error(`an answer without Content-Length: ${head}`))
          return
        }
        missing = Number(length[1]) - (pending.length - end - 4)
        pending = Buffer.alloc(0)
      } else missing -= chunk.length
      if (missing > 0) return
      missing = -1
      answered += 1
      send()
    })
  })
}

function wire({ method = 'GET', path, headers = {}, body }) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: bench']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined)
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}
