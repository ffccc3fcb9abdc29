/** What the tables of resources and those beside them are both made with. */
import type { ColumnPair, ResourceDefinition } from '../../config/definition.js'
import type { Column, Model, Resource } from '../../model/model.js'
import { foreignKeyName } from './names.js'
import type { ForeignKeySpec } from './schema.js'

export function definitionOf(model: Model, { name }: Resource): ResourceDefinition {
  const found = model.definition.resources.find((resource) => resource.name === name)
  if (found === undefined) throw new Error(`the model has no definition of ${name}`)
  return found
}

/** As `renamed_from` may name the resource or its table. */
export const formerNames = ({ renamedFrom }: ResourceDefinition): readonly string[] =>
  renamedFrom === null ? [] : [...new Set([renamedFrom, renamedFrom.toLowerCase()])]

/** `string(50)`, `decimal(10,2)`, `integer`. */
export function typeText(column: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>): string {
  switch (column.type) {
    case 'serial':
      return 'integer'
    case 'enum':
      return 'text'
    case 'string':
      return column.length === null ? 'text' : `string(${column.length})`
    case 'decimal':
      return `decimal(${column.precision},${column.scale})`
    default:
      return column.type
  }
}

export function reference(
  table: string,
  target: string,
  pairs: readonly ColumnPair[],
  onDelete: ForeignKeySpec['onDelete'],
): ForeignKeySpec {
  const columns = pairs.map((pair) => pair.column)
  return {
    name: foreignKeyName(table, columns),
    columns,
    table: target,
    references: pairs.map((pair) => pair.references),
    onDelete,
  }
}
