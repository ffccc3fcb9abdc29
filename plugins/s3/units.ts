/** Sizes and durations as people write them: `100mb` (powers of 1024), `24h`; plain numbers are bytes and milliseconds. */
const BYTES = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 } as const
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Pattern for a JSON Schema. */
export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?([kmgt]?b|[KMGT]?B)$'
export const DURATION_PATTERN = '^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d)$'

export function bytes(value: string | number): number {
  return quantity(value, BYTES)
}

export function milliseconds(value: string | number): number {
  return quantity(value, MILLISECONDS)
}

/** `1.5 gb` for messages. */
export function formatBytes(size: number): string {
  const unit = (['tb', 'gb', 'mb', 'kb'] as const).find((name) => size >= BYTES[name])
  return unit === undefined ? `${size} bytes` : `${Number((size / BYTES[unit]).toFixed(1))} ${unit}`
}

function quantity(value: string | number, units: Readonly<Record<string, number>>): number {
  if (typeof value === 'number') return value
  const match = /^([0-9.]+) ?([a-z]+)$/i.exec(value.trim())
  const factor = units[match?.[2]?.toLowerCase() ?? '']
  if (match?.[1] === undefined || factor === undefined)
    throw new TypeError(`"${value}" is no quantity (units: ${Object.keys(units).join(', ')})`)
  return Math.round(Number(match[1]) * factor)
}
