// A carrier that lives in memory, so that the example needs nothing else. A real one would speak HTTP to `url`.
export async function connect(url) {
  if (url !== 'memory') throw new Error(`no carrier at ${url}: the example only knows "memory"`)
  const bookings = new Map()
  let last = 0
  return {
    async book(address) {
      if (!address) throw new Error('a parcel needs an address')
      last += 1
      const booking = `BK-${String(last).padStart(6, '0')}`
      bookings.set(booking, [])
      return booking
    },
    async cancel(booking) {
      bookings.delete(booking)
    },
    async notify(booking, event) {
      bookings.get(booking)?.push(event)
    },
    async delivered() {
      return []
    },
    trackingUrl: (booking) => `https://carrier.example/track/${booking}`,
    bookings: () => [...bookings.keys()],
    events: (booking) => bookings.get(booking) ?? [],
    ping: () => true,
    async close() {
      bookings.clear()
    },
  }
}
