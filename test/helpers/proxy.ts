/** A TCP proxy whose faults are switched on and off: cut, refuse, delay, hold, reset. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Teardown } from './databases.js'

export interface FaultProxy {
  readonly port: number
  /** Connections open now. */
  readonly open: number
  /** Ends every open connection, as a restart of the other side does. */
  cut(): void
  /** The same without a goodbye: a TCP reset. */
  reset(): void
  /** Refuses new connections until `accept`. */
  refuse(): void
  accept(): void
  /** Bytes in both directions wait this long, ms. */
  delay(ms: number): void
  /** Nothing passes any more, silently, until `release`. */
  hold(): void
  release(): void
}

export async function startProxy(t: Teardown, host: string, port: number): Promise<FaultProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const state = { refusing: false, delayMs: 0, held: false }

  const forward = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      const pass = (): void => {
        if (state.held) setTimeout(pass, 10).unref()
        else if (!to.destroyed) to.write(chunk)
      }
      if (state.delayMs > 0) setTimeout(pass, state.delayMs).unref()
      else pass()
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
  const server = createServer((client) => {
    if (state.refusing) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(port, host)
    const pair = [client, upstream] as const
    pairs.add(pair)
    client.on('close', () => pairs.delete(pair))
    forward(client, upstream)
    forward(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const end = (kill: (socket: Socket) => void): void => {
    for (const [client, upstream] of pairs) {
      kill(client)
      upstream.destroy()
    }
  }
  t.teardown(() => {
    end((socket) => socket.destroy())
    return new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size
    },
    cut: () => end((socket) => socket.end()),
    reset: () => end((socket) => socket.resetAndDestroy()),
    refuse: () => {
      state.refusing = true
    },
    accept: () => {
      state.refusing = false
    },
    delay: (ms) => {
      state.delayMs = ms
    },
    hold: () => {
      state.held = true
    },
    release: () => {
      state.held = false
    },
  }
}
