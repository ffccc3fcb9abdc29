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
  /**
   * Once: cuts the connection on which a client sends `text`, before it is passed on, or when the other side has said
   * it too, as databases do of a `COMMIT`; no answer arrives. Resolves when that has happened.
   */
  cutAt(text: string, when: 'before' | 'answered'): Promise<void>
}

interface Trap {
  readonly text: string
  readonly when: 'before' | 'answered'
  readonly sprung: () => void
}

export async function startProxy(t: Teardown, host: string, port: number): Promise<FaultProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const state = { refusing: false, delayMs: 0, held: false, trap: null as Trap | null }

  /** Whether the chunk is the client's that the trap waits for; the pair ends by it. */
  const sprung = (client: Socket, upstream: Socket, chunk: Buffer): boolean => {
    const { trap } = state
    if (trap === null || !chunk.includes(trap.text)) return false
    state.trap = null
    const end = (): void => {
      client.resetAndDestroy()
      upstream.destroy()
      trap.sprung()
    }
    if (trap.when === 'before') {
      end()
      return true
    }
    upstream.removeAllListeners('data')
    upstream.on('data', (answer: Buffer) => {
      if (answer.includes(trap.text)) end()
    })
    return false
  }
  const forward = (from: Socket, to: Socket, trapped: boolean): void => {
    from.on('data', (chunk: Buffer) => {
      if (trapped && sprung(from, to, chunk)) return
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
    forward(client, upstream, true)
    forward(upstream, client, false)
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
    cutAt: (text, when) =>
      new Promise((resolve) => {
        state.trap = { text, when, sprung: resolve }
      }),
  }
}
