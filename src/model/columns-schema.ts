/** JSON Schema of column values: the same for validation and for OpenAPI, but for what JSON Schema cannot say. */
import type { ColumnType } from '../config/definition.js'
import type { JsonSchema } from '../plugin.js'
import type { Column } from './model.js'
import { decimalPattern, integerRange } from './values.js'

type SchemaOf = (column: Column) => JsonSchema

const integer: SchemaOf = (column) => {
  const [minimum, maximum] = integerRange(column)
  return { type: 'integer', minimum, maximum }
}

const text: SchemaOf = (column) => ({
  type: 'string',
  ...(typeof column.min === 'number' ? { minLength: column.min } : {}),
  ...(column.length === null ? {} : { maxLength: column.length }),
  ...(column.pattern === null ? {} : { pattern: column.pattern }),
})

const SCHEMAS: Readonly<Record<ColumnType, SchemaOf>> = {
  serial: integer,
  integer,
  bigint: integer,
  number: (column) => ({
    type: 'number',
    ...(column.min === null ? {} : { minimum: Number(column.min) }),
    ...(column.max === null ? {} : { maximum: Number(column.max) }),
  }),
  decimal: (column) => ({ type: 'string', pattern: decimalPattern(column) }),
  string: text,
  text,
  boolean: () => ({ type: 'boolean' }),
  date: () => ({ type: 'string', format: 'date' }),
  datetime: () => ({ type: 'string', format: 'date-time' }),
  uuid: () => ({ type: 'string', format: 'uuid' }),
  json: () => ({}),
  enum: (column) => ({ type: 'string', enum: [...(column.values ?? [])] }),
}

/** May hold null. */
export const isNullable = (column: Column): boolean => !column.required && !column.primary

export function columnSchema(column: Column): JsonSchema {
  const schema = SCHEMAS[column.type](column)
  const described = column.description === null ? schema : { ...schema, description: column.description }
  if (!isNullable(column) || described['type'] === undefined) return described
  return {
    ...described,
    type: [described['type'], 'null'],
    ...(Array.isArray(described['enum']) ? { enum: [...described['enum'], null] } : {}),
  }
}
