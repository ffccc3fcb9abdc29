/**
 * Memory for the bodies of all requests at once. Small bodies always pass; large ones wait, unread, while the others
 * fill the budget. The oldest one still being read may exceed it when nobody who holds a part is at work, so that
 * somebody always gets through: what is held stays under the budget and one body.
 */
export interface BodyBudget {
  open(): BodyLease
}

export interface BodyLease {
  /** Asks for `bytes` more: true when granted, else `resume` is called once they are. */
  grow(bytes: number, resume: () => void): boolean
  /** The body is read: what it holds is kept for the work on it. */
  complete(): void
  /** Gives everything back; more calls do nothing. */
  release(): void
}

/** Bodies up to this size never wait. */
const SMALL = 64 * 1024

interface Share {
  held: number
  wanted: number
  resume: (() => void) | null
  state: 'reading' | 'working' | 'released'
}

export function createBodyBudget(limit: number): BodyBudget {
  let used = 0
  let working = 0
  const readers = new Set<Share>()

  const fits = (share: Share, bytes: number): boolean =>
    share.held + bytes <= SMALL || used + bytes <= limit || (working === 0 && first(readers) === share)

  const take = (share: Share, bytes: number): void => {
    share.held += bytes
    used += bytes
  }
  const wake = (): void => {
    for (const share of readers) {
      if (share.resume === null || !fits(share, share.wanted)) continue
      const resume = share.resume
      share.resume = null
      take(share, share.wanted)
      resume()
    }
  }
  const leave = (share: Share, state: 'working' | 'released'): void => {
    if (share.state === 'working') working -= 1
    readers.delete(share)
    share.state = state
    share.resume = null
    if (state === 'working') working += 1
  }
  return {
    open() {
      const share: Share = { held: 0, wanted: 0, resume: null, state: 'reading' }
      readers.add(share)
      return {
        grow(bytes, resume) {
          if (fits(share, bytes)) {
            take(share, bytes)
            return true
          }
          share.wanted = bytes
          share.resume = resume
          return false
        },
        complete() {
          if (share.state === 'reading') leave(share, 'working')
        },
        release() {
          if (share.state === 'released') return
          leave(share, 'released')
          used -= share.held
          wake()
        },
      }
    },
  }
}

const first = (readers: ReadonlySet<Share>): Share | undefined => readers.values().next().value
