/** Durations and sizes as people write them. */

import { entry } from './tables.js'

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 } as const

/** `30s`, `1.5h`, `500ms` → milliseconds; undefined when it is no duration. The unit is not optional. */
export function parseDuration(value: unknown): number | undefined {
  return typeof value === 'string' ? scaled(value, MILLISECONDS) : undefined
}

/** `10mb`, `1.5 GB` (powers of 1024), or a number of bytes; undefined when it is no size. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  return /^\d{1,15}$/.test(value) ? Number(value) : scaled(value, BYTES)
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?([a-z]{1,2})$/i.exec(text)
  const unit = entry(units, match?.[2]?.toLowerCase())
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit)
}
