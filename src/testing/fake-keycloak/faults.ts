import { setTimeout as sleep } from 'node:timers/promises'

/** What goes wrong with matching requests, until it is switched off. */
export interface Fault {
  /**
   * - `down`: the connection is cut before anything happens
   * - `lost`: the request takes effect, its answer never arrives
   * - `slow`: the answer comes after `ms`
   * - `status`: `status` is answered instead
   * - `nonsense`: 200 with an HTML page
   * - `empty`: 200 with nothing
   * - `meanwhile`: `run` happens just before the request takes effect (somebody else was faster)
   */
  readonly kind: 'down' | 'lost' | 'slow' | 'status' | 'nonsense' | 'empty' | 'meanwhile'
  /** Only requests whose `METHOD /path` matches; default: all. */
  readonly on?: RegExp
  /** How many times; default: until switched off. */
  readonly times?: number
  readonly ms?: number
  readonly status?: number
  readonly run?: () => unknown
}

/** How a request ends instead of its ordinary answer. */
export interface Instead {
  readonly cut?: 'before' | 'after'
  readonly answer?: { readonly status: number; readonly type: string; readonly body: string }
}

export class Faults {
  #active: { fault: Fault; left: number }[] = []

  /** Adds a fault; the returned function switches it off. */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY }
    this.#active.push(entry)
    return () => {
      this.#active = this.#active.filter((one) => one !== entry)
    }
  }

  clear(): void {
    this.#active = []
  }

  /** Applied before the request is carried out. */
  async apply(request: string): Promise<Instead> {
    let instead: Instead = {}
    for (const entry of this.#active) {
      const { fault } = entry
      if (entry.left <= 0 || (fault.on !== undefined && !fault.on.test(request))) continue
      entry.left -= 1
      instead = { ...instead, ...(await EFFECTS[fault.kind](fault)) }
    }
    return instead
  }
}

const EFFECTS: Readonly<Record<Fault['kind'], (fault: Fault) => Promise<Instead> | Instead>> = {
  down: () => ({ cut: 'before' }),
  lost: () => ({ cut: 'after' }),
  slow: async ({ ms = 5000 }) => {
    await sleep(ms)
    return {}
  },
  status: ({ status = 500 }) => ({
    answer: { status, type: 'application/json', body: '{"error":"unknown_error"}' },
  }),
  nonsense: () => ({ answer: { status: 200, type: 'text/html', body: '<html><body>Welcome</body></html>' } }),
  empty: () => ({ answer: { status: 200, type: 'application/json', body: '' } }),
  meanwhile: async ({ run }) => {
    await run?.()
    return {}
  },
}
