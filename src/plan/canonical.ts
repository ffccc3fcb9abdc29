/**
 * Canonical forms of column values: what is stored, compared and returned. Values have passed the body's validator, so
 * nothing is checked or rounded here.
 */
import type { ColumnType } from '../config/definition.js'
import type { Column } from '../model/model.js'

type Canonical = (value: unknown, column: Column) => unknown

const FORMS: Partial<Record<ColumnType, Canonical>> = {
  uuid: (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  decimal: (value, column) => (typeof value === 'string' ? decimalText(value, column.scale ?? 0) : value),
  datetime: (value) => {
    const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : NaN
    return Number.isNaN(time) ? value : new Date(time).toISOString()
  },
  // A negative zero is kept by one database and not by the other.
  number: (value) => (value === 0 ? 0 : value),
  integer: (value) => (value === 0 ? 0 : value),
  bigint: (value) => (value === 0 ? 0 : value),
}

export function canonical(column: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null
  return FORMS[column.type]?.(value, column) ?? value
}

/** `-01.5` with scale 2 → `-1.50`; `-0.00` → `0.00`. */
function decimalText(text: string, scale: number): string {
  const match = /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(text)
  if (match === null) return text
  const [, sign = '', whole = '', fraction = ''] = match
  if (fraction.length > scale && /[1-9]/.test(fraction.slice(scale))) return text
  const digits = fraction.slice(0, scale).padEnd(scale, '0')
  const magnitude = `${whole === '' ? '0' : whole}${scale > 0 ? `.${digits}` : ''}`
  return sign === '-' && /[1-9]/.test(magnitude) ? `-${magnitude}` : magnitude
}

/** Two canonical values are the same: JSON columns by structure, everything else by identity. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  const right = new Map(Object.entries(b))
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && sameValue(value, right.get(key)))
  )
}
