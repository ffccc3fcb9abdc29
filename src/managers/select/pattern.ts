/** Wildcards on PostgreSQL: a regular expression of literal characters and of classes that hold their case variants. */
import type { Pattern } from '../../plan/plan.js'
import { type CaseVariants, caseVariants, foldCase } from '../case-folding.js'

let variants: CaseVariants | undefined

/** The table is a constant of Unicode; it is made when the first wildcard is met. */
const variantsOf = (folded: string): readonly string[] => {
  variants ??= caseVariants()
  return variants.get(folded) ?? [folded]
}

const SPECIAL = /[\\^$.|?*+()[\]{}-]/

const escaped = (point: string): string => (SPECIAL.test(point) ? `\\${point}` : point)

/** `ds_*` → `^[dD][sSſ]_.*$`: linear to match, whatever the text. */
export function patternRegex({ pieces }: Pattern): string {
  return `^${pieces.map(literalRegex).join('.*')}$`
}

function literalRegex(piece: string): string {
  let regex = ''
  for (const point of foldCase(piece)) {
    const same = variantsOf(point)
    regex += same.length === 1 ? escaped(point) : `[${same.map(escaped).join('')}]`
  }
  return regex
}
