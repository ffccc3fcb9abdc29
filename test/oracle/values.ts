/** Values that databases are known to disagree about, by column type: canonical, as JSON has them. */
import type { ColumnType } from '../../src/config/definition.js'

export type Value = string | number | boolean | null | object

export const POOLS: Readonly<Record<ColumnType, readonly Value[]>> = {
  serial: [],
  integer: [-2147483648, -1, 0, 1, 2, 10, 2147483647],
  bigint: [-9007199254740991, -3, 0, 5, 4294967296, 9007199254740991],
  number: [-1e300, -1.5, 0, 0.1, 0.30000000000000004, 1, 2.5, 1e21, 5e-324, 123456789.12345679],
  decimal: ['-12345.67', '-0.10', '0.00', '0.05', '1.00', '2.50', '10.00', '99999.99'],
  string: ['a', 'A', 'b', 'ab', 'aB_c', 'a%c', 'x*y', 'x,y', 'x\\y', '', ' ', 'é', 'É', 'z'],
  text: ['ß', 'ẞ', 'ſ', 's', 'S', 'K', 'k', '～', '😀', '𝔄', 'İ', 'i', 'ı', "o'k", '"q"', 'a\nb', '日本'],
  boolean: [true, false],
  date: ['0001-01-01', '1999-12-31', '2024-02-29', '2024-03-01', '9999-12-31'],
  datetime: [
    '0001-01-01T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '2024-02-29T12:00:00.000Z',
    '2024-02-29T12:00:00.120Z',
    '9999-12-31T23:59:59.999Z',
  ],
  uuid: [
    '00000000-0000-4000-8000-000000000000',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'ffffffff-ffff-4fff-bfff-ffffffffffff',
  ],
  json: [{ a: [1, 'é', null] }, [], 'text', 12.5, true, { '"': '\\' }],
  enum: ['Zed', 'alpha', 'beta', 'Ünder'],
}

export const TYPES = Object.keys(POOLS).filter((type) => type !== 'serial') as readonly ColumnType[]

/** The long form of a column in a config. */
export function columnConfig(type: ColumnType, required: boolean): Record<string, unknown> {
  const written = type === 'decimal' ? 'decimal(10,2)' : type
  return { type: written, required, ...(type === 'enum' ? { values: POOLS.enum } : {}) }
}

const points = (text: string): readonly number[] => [...text].map((point) => point.codePointAt(0) ?? 0)

/** Below 0, 0 or above: by code point, by number, by time; neither value is null. */
export function compare(type: ColumnType, a: unknown, b: unknown): number {
  if (type === 'decimal') return Math.sign(Number(a) - Number(b))
  if (typeof a === 'string' && typeof b === 'string') {
    const [left, right] = [points(a), points(b)]
    for (let index = 0; index < Math.min(left.length, right.length); index++) {
      const difference = (left[index] ?? 0) - (right[index] ?? 0)
      if (difference !== 0) return Math.sign(difference)
    }
    return Math.sign(left.length - right.length)
  }
  return Math.sign(Number(a) - Number(b))
}
